//! Cookie persistence.

/// What the backend's cookie configuration means, ready for the data path.
#[derive(Debug, Clone)]
pub struct CookieRules {}
