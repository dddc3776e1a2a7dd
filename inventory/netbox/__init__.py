"""The estate and a NetBox, in both directions: plan and push, pull. Only NetBox's documented REST API is used."""
