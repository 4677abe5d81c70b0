"""The stand-in for the official hcloud plugin: servers with addresses, firewalls and volumes, Storage Boxes, DNS records."""
