//! The connectors inside the binary. Only here does a platform's name appear.

#[cfg(test)]
pub(super) mod tests;

/// The built-in connectors: name and file.
pub(super) const BUILTINS: [(&str, &str); 4] = [
    ("cxone-contacts", include_str!("cxone-contacts.yaml")),
    ("cxone", include_str!("cxone.yaml")),
    ("genesys-contacts", include_str!("genesys-contacts.yaml")),
    ("genesys-cloud", include_str!("genesys-cloud.yaml")),
];
