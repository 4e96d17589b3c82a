//! Reads the part of FHIRPath the profiles use.

#[derive(Clone, Debug)]
pub(crate) enum Expression {
    Text(String),
    Number(i64),
    This,
    Context,
    /// Function or element on the input.
    Step(Option<Box<Expression>>, String, Option<Vec<Expression>>),
    Index(Box<Expression>, Box<Expression>),
    Type(Box<Expression>, bool, String),
    Binary(Box<Expression>, &'static str, Box<Expression>),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(i64),
    Sign(&'static str),
}

pub(crate) fn parse(text: &str) -> Expression {
    let mut parser = Parser {
        tokens: tokens(text),
        at: 0,
    };
    let expression = parser.binary(0);
    assert_eq!(parser.at, parser.tokens.len(), "left over in {text}");
    expression
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let c = chars[at];
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == '%';
        if c.is_whitespace() {
            at += 1;
        } else if c == '\'' {
            let end = (at + 1..chars.len()).find(|end| chars[*end] == '\'').unwrap();
            tokens.push(Token::Text(chars[at + 1..end].iter().collect()));
            at = end + 1;
        } else if c.is_ascii_digit() {
            let end = (at..chars.len())
                .find(|end| !chars[*end].is_ascii_digit())
                .unwrap_or(chars.len());
            tokens.push(Token::Number(
                chars[at..end].iter().collect::<String>().parse().unwrap(),
            ));
            at = end;
        } else if word(c) {
            let end = (at..chars.len())
                .find(|end| !word(chars[*end]))
                .unwrap_or(chars.len());
            tokens.push(Token::Word(chars[at..end].iter().collect()));
            at = end;
        } else {
            let two: String = chars[at..chars.len().min(at + 2)].iter().collect();
            let sign = ["!=", "<=", "=", "(", ")", "[", "]", ".", ",", "+", "-"]
                .into_iter()
                .find(|sign| two.starts_with(sign))
                .unwrap_or_else(|| panic!("{c} in {text}"));
            tokens.push(Token::Sign(sign));
            at += sign.len();
        }
    }
    tokens
}

/// From loosest to tightest.
const LEVELS: &[&[&str]] = &[&["implies"], &["or"], &["and"], &["=", "!="], &["<="]];

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn takes(&mut self, sign: &str) -> bool {
        let found = match self.tokens.get(self.at) {
            Some(Token::Sign(own)) => *own == sign,
            Some(Token::Word(own)) => own == sign,
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    fn binary(&mut self, level: usize) -> Expression {
        let Some(signs) = LEVELS.get(level) else {
            return self.typed();
        };
        let mut left = self.binary(level + 1);
        while let Some(sign) = signs.iter().find(|sign| self.takes(sign)) {
            left = Expression::Binary(Box::new(left), sign, Box::new(self.binary(level + 1)));
        }
        left
    }

    fn typed(&mut self) -> Expression {
        let mut left = self.sum();
        loop {
            let is = self.takes("is");
            if !is && !self.takes("as") {
                return left;
            }
            left = Expression::Type(Box::new(left), is, self.word());
        }
    }

    fn sum(&mut self) -> Expression {
        let mut left = self.path();
        while let Some(sign) = ["+", "-"].into_iter().find(|sign| self.takes(sign)) {
            left = Expression::Binary(Box::new(left), sign, Box::new(self.path()));
        }
        left
    }

    fn word(&mut self) -> String {
        let Token::Word(word) = &self.tokens[self.at] else {
            panic!("{:?}", self.tokens[self.at])
        };
        self.at += 1;
        word.clone()
    }

    fn path(&mut self) -> Expression {
        let mut here = self.term();
        loop {
            if self.takes(".") {
                let name = self.word();
                let arguments = self.arguments();
                here = Expression::Step(Some(Box::new(here)), name, arguments);
            } else if self.takes("[") {
                here = Expression::Index(Box::new(here), Box::new(self.binary(0)));
                assert!(self.takes("]"));
            } else {
                return here;
            }
        }
    }

    fn arguments(&mut self) -> Option<Vec<Expression>> {
        if !self.takes("(") {
            return None;
        }
        let mut arguments = Vec::new();
        while !self.takes(")") {
            arguments.push(self.binary(0));
            self.takes(",");
        }
        Some(arguments)
    }

    fn term(&mut self) -> Expression {
        if self.takes("(") {
            let inside = self.binary(0);
            assert!(self.takes(")"));
            return inside;
        }
        match self.tokens[self.at].clone() {
            Token::Text(text) => {
                self.at += 1;
                Expression::Text(text)
            }
            Token::Number(number) => {
                self.at += 1;
                Expression::Number(number)
            }
            Token::Word(_) => match self.word().as_str() {
                "$this" => Expression::This,
                "%context" => Expression::Context,
                name => {
                    let arguments = self.arguments();
                    Expression::Step(None, name.to_owned(), arguments)
                }
            },
            Token::Sign(sign) => panic!("unexpected {sign}"),
        }
    }
}
