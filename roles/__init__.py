"""What a host must look like: one folder a role, for Ansible and, where a server room needs it too, for pyinfra."""
