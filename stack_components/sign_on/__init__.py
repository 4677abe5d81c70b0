"""Sign-on at an identity provider: oauth2-proxy, which the edge asks whose browser a request is from."""

from stack_components.sign_on.component import SPEC, OAuth2Proxy

__all__ = ["SPEC", "OAuth2Proxy"]
