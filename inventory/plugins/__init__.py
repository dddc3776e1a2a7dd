"""What Ansible and pyinfra load to read the estate."""
