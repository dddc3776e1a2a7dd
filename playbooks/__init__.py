"""Provisioning: Ansible for the data centre and the DR site, pyinfra for the server rooms, one command for both."""
