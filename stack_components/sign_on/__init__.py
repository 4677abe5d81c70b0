"""Sign-on at an identity provider: oauth2-proxy, which tells the edge who sent a request."""

from stack_components.sign_on.component import SPEC, OAuth2Proxy

__all__ = ["SPEC", "OAuth2Proxy"]
