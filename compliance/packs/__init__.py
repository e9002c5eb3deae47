"""The rule packs that ship with OnScript, one YAML file each; ``compliance.library`` reads them."""
