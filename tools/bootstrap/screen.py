"""The closing screen of `make up`: where registry and pages are, who may push, what was left out, and two commands to try."""

from __future__ import annotations

import webbrowser
from collections.abc import Mapping
from typing import Any


def welcome(outputs: Mapping[str, Any], *, plugins: str) -> str:
    """Return the screen for a stack's outputs."""
    registry, user = outputs["registry"], outputs["registry_user"]
    names = ", ".join(outputs.get("left_out") or ())
    left_out = f"  left out   {names}: no image here; `make outputs` says why\n" if names else ""
    return f"""
Your registry is up at {registry} ({plugins} plugins).

  address    {outputs["registry_url"]}   with TLS: {outputs["registry_url_tls"]}
  pages      {outputs["registry_url"]}/   `make open` opens them: whether all is well, and what there is
  user       {user}
  password   in {outputs["password_file"]}, or `make outputs`
  images     in {outputs["root"]}/data/registry
{left_out}
Try it with any image you have:
  docker login {registry} --username {user} --password-stdin < {outputs["password_file"]}
  docker tag IMAGE {registry}/IMAGE && docker push {registry}/IMAGE
"""


def opened(outputs: Mapping[str, Any]) -> str:
    """Open a stack's pages in this machine's browser, if it has one; return what to do there."""
    address = f"{outputs['registry_url']}/"
    there = "is open in your browser" if webbrowser.open(address) else "has the pages; open it in a browser"
    return f"{address} {there}.\nSign on as {outputs['registry_user']}; the password is in {outputs['password_file']}.\n"
