"""Storage Boxes as containers: sshd on port 23, accounts that share one folder, and the few commands of the real ones."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import docker
from docker.errors import NotFound
from docker.models.containers import Container

from tools.emulation.archive import archive
from tools.emulation.machines import BoxAccount

PORT = 23
_DATA = "/data"
_SHELL = "/usr/local/lib/box_shell.py"
_INTERPRETER = "#!/usr/bin/python3 -I\n"
_JAILS = "/jails"
_USER = 1000  # all accounts are one user, so that nothing can be given away
# Each sub-account has its own host name; the API numbers them from 1.
_SUB_ACCOUNTS = 10
_CONFIG = f"""\
Port {PORT}
HostKey {_DATA}/.host-key
PasswordAuthentication yes
KbdInteractiveAuthentication no
PubkeyAuthentication yes
UsePAM no
PrintMotd no
Subsystem sftp /usr/lib/openssh/sftp-server
AuthorizedKeysFile .ssh/authorized_keys
StrictModes no
PermitUserEnvironment no
"""


class BoxError(Exception):
    """A box cannot be set up; the message says why."""


class Boxes:
    """The Storage Boxes of one owner, on its network."""

    def __init__(self, engine: docker.DockerClient, *, owner: str, image: str, network: str, labels: Mapping[str, str]) -> None:
        """Set the parameters: those of `Servers`."""
        self._engine, self._owner, self._image, self._network = engine, owner, image, network
        self._labels = dict(labels)

    def serve(self, box_id: int, host: str, accounts: Sequence[BoxAccount]) -> None:
        """Give a box exactly these accounts.

        Raises:
            BoxError: An account cannot be made.
            DockerException: The engine refused.
        """
        container = self.find(box_id) or self._create(box_id, host)
        sshd = _CONFIG + "".join(_match(account) for account in accounts)
        shell = _INTERPRETER + Path(__file__).with_name("box_shell.py").read_text()
        container.put_archive("/", archive({"etc/ssh/sshd_config": sshd, _SHELL: shell}))
        script = "\n".join([_SET_UP, *(_account_script(account) for account in accounts), _RUN])
        made = container.exec_run(["sh", "-euc", script])
        if made.exit_code != 0:
            raise BoxError(f"{container.name}: {made.output!r}")

    def delete(self, box_id: int) -> None:
        """Remove a box and its data."""
        if container := self.find(box_id):
            container.remove(force=True, v=True)
        with contextlib.suppress(NotFound):  # an earlier attempt may have got only this far
            self._engine.volumes.get(self._name(box_id)).remove()

    def find(self, box_id: int) -> Container | None:
        """Return the container of a box."""
        try:
            return self._engine.containers.get(self._name(box_id))
        except NotFound:
            return None

    def _name(self, box_id: int) -> str:
        return f"{self._owner}-box-{box_id}"

    def _create(self, box_id: int, host: str) -> Container:
        name = self._name(box_id)
        self._engine.volumes.create(name, labels=self._labels)
        user, _, domain = host.partition(".")
        aliases = [host, *(f"{user}-sub{number}.{domain}" for number in range(1, _SUB_ACCOUNTS + 1))]
        container = self._engine.containers.create(
            self._image,
            ["sleep", "infinity"],
            name=name,
            labels=self._labels,
            network=self._network,
            networking_config={self._network: self._engine.api.create_endpoint_config(aliases=aliases)},
            volumes={name: {"bind": _DATA, "mode": "rw"}},
            # For mounts: an account can reach only its own folder, whatever links and options it uses.
            cap_add=["SYS_ADMIN"],
            security_opt=["apparmor=unconfined"],
        )
        container.start()
        return container


_SET_UP = f"""
mkdir -p /run/sshd /run/box-slots
[ -e {_DATA}/.host-key ] || ssh-keygen -q -t ed25519 -N '' -C '' -f {_DATA}/.host-key
chown {_USER}:{_USER} {_DATA} /run/box-slots
chmod 755 {_SHELL}
sed -i '/^u[0-9]/d' /etc/passwd /etc/shadow
"""
# A running sshd reloads its configuration; open connections stay. It writes its process id once it listens, again after a reload.
_RUN = """
/usr/sbin/sshd -t
running=$(cat /run/sshd.pid 2>/dev/null || true)
rm -f /run/sshd.pid
if [ -z "$running" ] || ! kill -HUP "$running" 2>/dev/null; then /usr/sbin/sshd; fi
for _ in $(seq 200); do [ ! -s /run/sshd.pid ] || exit 0; sleep 0.05; done
echo 'sshd does not listen'; exit 1
"""


# What an account sees: programs, and its folder as /home, which is remounted each time because it may have been replaced.
_JAIL = """
mkdir -p "$jail/usr" "$jail/dev" "$jail/etc" "$jail/home" "$jail/run/box-slots"
for link in bin lib lib64; do ln -sfn "usr/$link" "$jail/$link"; done
grep "^$user:" /etc/passwd > "$jail/etc/passwd"
echo 'box /home zfs rw 0 0' > "$jail/etc/mtab"
touch "$jail/dev/null"
for path in /usr /dev/null /run/box-slots; do mountpoint -q "$jail$path" || mount --bind "$path" "$jail$path"; done
umount -l "$jail/home" 2>/dev/null || true
mount --bind "$home" "$jail/home"
mount -o "remount,bind,$mode" "$jail/home"
"""


def _account_script(account: BoxAccount) -> str:
    """Return the script that creates an account. Passwords and keys contain no character that needs quoting."""
    home = f"{_DATA}/{account.home}".rstrip("/")
    keys = "\n".join(account.authorized_keys)
    lines = [
        f"mkdir -p '{home}' && [ \"$(realpath '{home}')\" = '{home}' ] && chown {_USER}:{_USER} '{home}'",
        f"useradd --non-unique --uid {_USER} --no-user-group --home-dir '{home}' --shell {_SHELL} '{account.username}'",
        f"printf '%s' '{account.username}:{account.password}' | chpasswd",
    ]
    if keys:
        lines += [
            f"mkdir -p '{home}/.ssh' && printf '%s\\n' '{keys}' >> '{home}/.ssh/authorized_keys'",
            f"chown -R {_USER}:{_USER} '{home}/.ssh'",
        ]
    mode = "ro" if account.readonly else "rw"
    lines += [f"user='{account.username}' jail='{_JAILS}/{account.username}' home='{home}' mode={mode}", _JAIL]
    return "\n".join(lines)


def _match(account: BoxAccount) -> str:
    if not account.ssh:
        return f"Match User {account.username}\n\tPasswordAuthentication no\n\tPubkeyAuthentication no\n"
    return f"Match User {account.username}\n\tChrootDirectory {_JAILS}/%u\n\tAllowTcpForwarding no\n\tPermitTTY no\n"
