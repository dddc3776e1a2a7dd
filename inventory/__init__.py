"""The estate: one typed, strict model of every site, device, link and address, from which everything else follows."""
