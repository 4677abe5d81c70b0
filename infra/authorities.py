"""The certificate authorities of registries that images are mirrored from: files beside the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from infra.paths import PROJECT_FOLDER
from infra.settings import Settings


@dataclass(frozen=True)
class Authorities:
    """What the files hold.

    Attributes:
        by_registry: Certificates as PEM, by the registry that is trusted if they vouch for it.
        refused: What is wrong, each with its key and a remedy.
    """

    by_registry: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()


def read_authorities(settings: Settings) -> Authorities:
    """Return the certificates that the settings name. Whatever else the files hold, such as a key, is left out."""
    found, refused = {}, []
    for registry, file in settings.sync.upstream_ca.items():
        key = f'sync.upstream_ca["{registry}"]'
        try:
            certificates = x509.load_pem_x509_certificates((PROJECT_FOLDER / file.expanduser()).read_bytes())
        except OSError as error:
            refused.append(f"{key}: {file} cannot be read ({error.strerror}); give a path from the project's folder")
        except ValueError:
            refused.append(f"{key}: {file} holds no certificate; give a PEM file that begins with -----BEGIN CERTIFICATE-----")
        else:
            found[registry] = "".join(one.public_bytes(Encoding.PEM).decode() for one in certificates)
    return Authorities(found, tuple(refused))
