//! `[[listener.error_page]]`: the pages are read here, once, and kept.

use toml::Spanned;

use super::routes::statuses;
use super::whole::Place;
use crate::config::reader::shown;
use crate::config::report::Findings;
use crate::config::schema;
use crate::http::answer::Answer;
use crate::http::error_page::{ErrorPage, ErrorPages, content_type};
use crate::limits;
use crate::small_file;

/// Reads every page of a listener.
pub fn check(written: &[schema::ErrorPage], place: &Place<'_>, findings: &mut Findings) -> ErrorPages {
    let mut pages = ErrorPages::default();
    for entry in written {
        let answer = entry.status.as_ref().and_then(|status| answer(status, findings));
        let page = entry.file.as_ref().and_then(|file| read(file, place, findings));
        let (Some(status), Some(answer), Some(page)) = (&entry.status, answer, page) else { continue };
        if !pages.add(answer, page) {
            let message = format!("this listener has a page for {} already", status.get_ref());
            findings.error(status.span(), message, "write one [[listener.error_page]] for each status");
        }
    }
    pages
}

fn answer(status: &Spanned<i64>, findings: &mut Findings) -> Option<Answer> {
    let known = Answer::ALL.into_iter().find(|answer| i64::from(answer.status()) == *status.get_ref());
    if known.is_none() {
        let message = format!("torii never answers {} itself", status.get_ref());
        findings.error(status.span(), message, format!("write {}", statuses(&Answer::ALL)));
    }
    known
}

fn read(file: &Spanned<String>, place: &Place<'_>, findings: &mut Findings) -> Option<ErrorPage> {
    let Some(content_type) = content_type(file.get_ref()) else {
        let message = format!("what is in {} cannot be told from its name", shown(file.get_ref()));
        findings.error(file.span(), message, "name a file that ends in .html, .json or .txt");
        return None;
    };
    let path = place.path(file.get_ref());
    let body = match small_file::read(&path, limits::ERROR_PAGE_SIZE) {
        Ok(read) => read.bytes,
        Err(error) => {
            let message = format!("the page {} cannot be read: {error}", path.display());
            findings.error(file.span(), message, "name a file that torii can read when it starts");
            return None;
        }
    };
    if body.len() > limits::ERROR_PAGE_SIZE {
        let message = format!("the page is larger than {} KiB", limits::ERROR_PAGE_SIZE / 1024);
        findings.error(file.span(), message, "make it smaller: it is sent when torii is in trouble");
        return None;
    }
    if body.starts_with(b"HTTP/1.") {
        let message = "the page begins with a status line, as HAProxy's error files do";
        findings.error(file.span(), message, "leave in the file only what follows the first empty line");
        return None;
    }
    Some(ErrorPage { content_type, body: body.into() })
}
