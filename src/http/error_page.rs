//! Pages of the operator's own for torii's answers, in place of the built-in ones.
//!
//! Read and bounded by `config::check`, looked up by `proxy` when torii answers itself; never used
//! for what a server answered. Cold path.

use std::sync::Arc;

use super::answer::Answer;

/// What is sent as the body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorPage {
    /// Value of Content-Type.
    pub content_type: &'static str,
    /// At most `limits::ERROR_PAGE_SIZE` bytes.
    pub body: Arc<[u8]>,
}

/// The Content-Type of a page, by the end of its file's name.
pub fn content_type(file_name: &str) -> Option<&'static str> {
    let (_, suffix) = file_name.rsplit_once('.')?;
    match suffix {
        "html" | "htm" => Some("text/html"),
        "json" => Some("application/json"),
        "txt" => Some("text/plain"),
        _ => None,
    }
}

/// The pages of one listener.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorPages(Vec<(Answer, ErrorPage)>);

impl ErrorPages {
    /// Adds a page; `false` when there is one for this answer already.
    pub fn add(&mut self, answer: Answer, page: ErrorPage) -> bool {
        let is_first = self.get(answer).is_none();
        if is_first {
            self.0.push((answer, page));
        }
        is_first
    }

    /// The page for an answer, if there is one.
    pub fn get(&self, answer: Answer) -> Option<&ErrorPage> {
        self.0.iter().find(|(of, _)| *of == answer).map(|(_, page)| page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> ErrorPage {
        ErrorPage { content_type: "text/plain", body: text.as_bytes().into() }
    }

    #[test]
    fn each_answer_has_one_page_or_none() {
        let mut pages = ErrorPages::default();
        assert!(pages.add(Answer::BadGateway, page("one")) && pages.add(Answer::BadRequest, page("two")));
        assert!(!pages.add(Answer::BadGateway, page("three")));
        assert_eq!(pages.get(Answer::BadGateway), Some(&page("one")));
        assert_eq!(pages.get(Answer::GatewayTimeout), None);
    }

    #[test]
    fn knows_the_types_of_pages_by_their_names() {
        assert_eq!(content_type("/etc/torii/503.html"), Some("text/html"));
        assert_eq!(content_type("a.b.json"), Some("application/json"));
        assert_eq!(content_type("busy.txt"), Some("text/plain"));
        for unknown in ["page", "page.png", "page.http", "html", "page."] {
            assert_eq!(content_type(unknown), None, "{unknown}");
        }
    }
}
