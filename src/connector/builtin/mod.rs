//! The connectors inside the binary. Only here does a platform's name appear.

#[cfg(test)]
pub(super) mod tests;

/// The built-in connectors: name and file.
pub(super) const BUILTINS: [(&str, &str); 1] =
    [("cxone-contacts", include_str!("cxone-contacts.yaml"))];
