//! XML to be written: a tree that can be built, changed and written out.

/// One element to be written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) kids: Vec<Tree>,
}

/// An element of others.
pub(crate) fn of<const N: usize>(name: &str, kids: [Tree; N]) -> Tree {
    Tree {
        name: name.into(),
        kids: kids.into(),
        ..Tree::default()
    }
}

/// An element with a value.
pub(crate) fn val(name: &str, value: impl Into<String>) -> Tree {
    Tree {
        name: name.into(),
        value: Some(value.into()),
        ..Tree::default()
    }
}

/// An extension with one value.
pub(crate) fn ext(url: &str, value: Tree) -> Tree {
    Tree {
        name: "extension".into(),
        url: Some(url.into()),
        kids: vec![value],
        ..Tree::default()
    }
}

/// An element made of one coding.
pub(crate) fn coded(name: &str, system: &str, code: &str) -> Tree {
    of(name, [of("coding", [val("system", system), val("code", code)])])
}

/// An element that refers to another resource.
pub(crate) fn refers(name: &str, to: &str) -> Tree {
    of(name, [val("reference", to)])
}

impl Tree {
    /// Children of a name.
    pub(crate) fn named(&mut self, name: &str) -> impl Iterator<Item = &mut Self> {
        self.kids.iter_mut().filter(move |kid| kid.name == name)
    }

    /// The first element down a path of names, `/` between them.
    pub(crate) fn down(&mut self, path: &str) -> Option<&mut Self> {
        path.split('/')
            .filter(|name| !name.is_empty())
            .try_fold(self, |at, name| at.named(name).next())
    }

    /// Takes children of a name away.
    pub(crate) fn without(&mut self, name: &str) {
        self.kids.retain(|kid| kid.name != name);
    }

    /// Puts a child behind the last of its name, or else at this place.
    pub(crate) fn put(&mut self, kid: Self, otherwise: usize) {
        let last = self.kids.iter().rposition(|other| other.name == kid.name);
        let place = last
            .map_or(otherwise, |last| last.saturating_add(1))
            .min(self.kids.len());
        self.kids.insert(place, kid);
    }

    /// The document as text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(16 << 10);
        self.write(&mut text, true);
        text
    }

    fn write(&self, text: &mut String, root: bool) {
        text.push('<');
        text.push_str(&self.name);
        if root {
            text.push_str(" xmlns=\"http://hl7.org/fhir\"");
        }
        for (name, value) in [("url", &self.url), ("value", &self.value)] {
            if let Some(value) = value {
                text.push_str(&format!(
                    " {name}=\"{}\"",
                    quick_xml::escape::escape(value.as_str())
                ));
            }
        }
        if self.kids.is_empty() {
            text.push_str("/>");
            return;
        }
        text.push('>');
        for kid in &self.kids {
            kid.write(text, false);
        }
        text.push_str(&format!("</{}>", self.name));
    }
}
