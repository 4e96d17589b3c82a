//! The static site: from one fact sheet to files, and from a change to the few files it touches.
//!
//! Every file is rendered from a *cut* of the sheet that holds only what this file may say. A file is written again
//! exactly when its cut differs, so an incremental site equals a full one by construction.

mod about;
mod audience;
mod claims;
mod cut;
mod feed;
mod insurer;
mod page;
mod phone;
mod start;
mod summary;
mod told;

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use vocabulary::InsurerId;

use crate::{
    sheet::{BadSheet, FactSheet},
    words::{Audience, Lang},
};

pub(crate) use claims::grade as claim_words;
pub(crate) use page::common::{NEXT as NEXT_WORDS, OVERDUE as OVERDUE_WORDS};
pub(crate) use page::{POLICY, stage as stage_words};
pub(crate) use phone::others as others_words;

pub use told::{Told, told};

/// The stylesheet, the same for every page.
pub const STYLE: &str = include_str!("site/style.css");

/// A relative path below the site's root. Made only from fixed words, names that follow the rule for names, and
/// hexadecimal digits: it cannot leave the root.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SitePath(String);

impl SitePath {
    pub(crate) const fn known(text: String) -> Self {
        Self(text)
    }

    /// The path, with `/` between folders.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SitePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SitePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Files by path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Site {
    /// The files.
    pub files: BTreeMap<SitePath, Vec<u8>>,
}

impl Site {
    /// One file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }
}

/// What one change does to the files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changed {
    /// New or different files.
    pub written: BTreeMap<SitePath, Vec<u8>>,
    /// Files that are no longer there.
    pub gone: BTreeSet<SitePath>,
}

impl Changed {
    /// Applies the change to a site.
    pub fn apply(self, site: &mut Site) {
        for path in &self.gone {
            site.files.remove(path);
        }
        site.files.extend(self.written);
    }
}

/// Renders every file of the site. The answers by key are files of their own ([`crate::ask`]).
///
/// # Errors
/// [`BadSheet`] when the sheet contradicts itself or breaks a bound; then nothing is rendered.
pub fn render(sheet: &FactSheet) -> Result<Site, BadSheet> {
    sheet.check()?;
    let files = pages(sheet)
        .into_iter()
        .map(|page| (page.path(), page.render(&page.cut(sheet))))
        .collect();
    Ok(Site { files })
}

/// Renders only the files that differ between two sheets.
///
/// # Errors
/// [`BadSheet`] when the new sheet contradicts itself or breaks a bound; then the old site stays.
pub fn changed(old: &FactSheet, new: &FactSheet) -> Result<Changed, BadSheet> {
    new.check()?;
    let before: BTreeSet<Page> = pages(old);
    let now: BTreeSet<Page> = pages(new);
    let mut written = BTreeMap::new();
    for page in &now {
        let cut = page.cut(new);
        if !before.contains(page) || page.cut(old) != cut {
            written.insert(page.path(), page.render(&cut));
        }
    }
    let gone = before.difference(&now).map(Page::path).collect();
    Ok(Changed { written, gone })
}

/// Every file a site has.
pub(crate) fn pages(sheet: &FactSheet) -> BTreeSet<Page> {
    let mut pages = BTreeSet::from([
        Page::Plain,
        Page::NotFound,
        Page::Summary,
        Page::Facts,
        Page::Style,
    ]);
    for lang in Lang::ALL {
        pages.extend([
            Page::Start(lang),
            Page::Claims(lang),
            Page::Log(lang),
            Page::Accessibility(lang),
            Page::Ask(lang),
            Page::Feed(lang),
            Page::Phone(lang),
        ]);
        pages.extend(Audience::ALL.map(|audience| Page::Audience(lang, audience)));
        pages.extend(
            sheet
                .insurers
                .keys()
                .map(|insurer| Page::Insurer(lang, insurer.clone())),
        );
    }
    pages
}

/// One file of the site.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Page {
    Start(Lang),
    Plain,
    Insurer(Lang, InsurerId),
    Audience(Lang, Audience),
    Claims(Lang),
    Log(Lang),
    Accessibility(Lang),
    Ask(Lang),
    NotFound,
    Feed(Lang),
    Phone(Lang),
    Summary,
    Facts,
    Style,
}

impl Page {
    /// Where the file stands. Folders and file names are words of their language.
    pub(crate) fn path(&self) -> SitePath {
        use Lang::{De, En};
        SitePath(match self {
            Self::Start(De) => "index.html".to_owned(),
            Self::Start(En) => "en/index.html".to_owned(),
            Self::Plain => "leichte-sprache.html".to_owned(),
            Self::Insurer(De, id) => format!("kasse/{id}.html"),
            Self::Insurer(En, id) => format!("en/insurer/{id}.html"),
            Self::Audience(De, audience) => format!("fuer/{}.html", audience.slug()),
            Self::Audience(En, audience) => format!("en/for/{}.html", audience.slug()),
            Self::Claims(De) => "aussagen.html".to_owned(),
            Self::Claims(En) => "en/claims.html".to_owned(),
            Self::Log(De) => "meldungen.html".to_owned(),
            Self::Log(En) => "en/log.html".to_owned(),
            Self::Accessibility(De) => "barrierefreiheit.html".to_owned(),
            Self::Accessibility(En) => "en/accessibility.html".to_owned(),
            Self::Ask(De) => "frage/index.html".to_owned(),
            Self::Ask(En) => "en/ask/index.html".to_owned(),
            Self::NotFound => "404.html".to_owned(),
            Self::Feed(De) => "feed.xml".to_owned(),
            Self::Feed(En) => "en/feed.xml".to_owned(),
            Self::Phone(De) => "telefon.txt".to_owned(),
            Self::Phone(En) => "phone.txt".to_owned(),
            Self::Summary => "api/v2/summary.json".to_owned(),
            Self::Facts => "fakten.json".to_owned(),
            Self::Style => "style.css".to_owned(),
        })
    }

    /// How to get from this file to the root.
    pub(crate) fn up(&self) -> &'static str {
        match self.path().as_str().matches('/').count() {
            0 => "",
            1 => "../",
            _ => "../../",
        }
    }

    /// The bytes, from a cut of the sheet.
    fn render(&self, cut: &FactSheet) -> Vec<u8> {
        match self {
            Self::Start(lang) => start::start(self, cut, *lang).into_bytes(),
            Self::Plain => start::plain(self, cut).into_bytes(),
            Self::Insurer(lang, id) => insurer::page(self, cut, *lang, id).into_bytes(),
            Self::Audience(lang, audience) => audience::page(self, cut, *lang, *audience).into_bytes(),
            Self::Claims(lang) => claims::claims(self, cut, *lang).into_bytes(),
            Self::Log(lang) => claims::log(self, cut, *lang).into_bytes(),
            Self::Accessibility(lang) => about::accessibility(self, cut, *lang).into_bytes(),
            Self::Ask(lang) => about::ask(self, cut, *lang).into_bytes(),
            Self::NotFound => about::not_found(cut).into_bytes(),
            Self::Feed(lang) => feed::feed(cut, *lang).into_bytes(),
            Self::Phone(lang) => phone::script(cut, *lang).into_bytes(),
            Self::Summary => summary::summary(cut),
            Self::Facts => summary::facts(cut),
            Self::Style => STYLE.as_bytes().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_own_path_inside_the_root() {
        let pages: Vec<Page> = ["a", "..a", "index", "con", "a..", "api"]
            .into_iter()
            .filter_map(|id| InsurerId::new(id).ok())
            .flat_map(|id| Lang::ALL.map(|lang| Page::Insurer(lang, id.clone())))
            .collect();
        assert_eq!(pages.len(), 10, "only \"..a\" is no name");
        for page in pages {
            let path = page.path();
            let last = path.as_str().rsplit('/').next().unwrap();
            assert!(
                !path.as_str().starts_with('/') && last.ends_with(".html") && !last.starts_with('.'),
                "{path}"
            );
            assert!(
                path.as_str().split('/').all(|part| part != ".." && part != "."),
                "{path}"
            );
        }
    }
}
