//! E-mail addresses and their domains: one spelling for one mailbox, and which mailboxes say nothing about a person.

use std::collections::BTreeSet;

/// Providers of private mailboxes, by the name before the public suffix: `yahoo` is `yahoo.com` and `yahoo.co.uk`.
const FREE_BRANDS: &[&str] = &["gmail", "gmx", "googlemail", "hotmail", "live", "outlook", "rocketmail", "yahoo", "yandex", "ymail"];

/// Further providers of private mailboxes, and access providers whose customers have one.
const FREE_DOMAINS: &[&str] = &[
    "126.com", "163.com", "aim.com", "alice.it", "aliceadsl.fr", "aol.com", "aol.de", "arcor.de", "att.net", "bellsouth.net",
    "bigpond.com", "bk.ru", "bluewin.ch", "bol.com.br", "btinternet.com", "charter.net", "comcast.net", "cox.net", "daum.net",
    "duck.com", "earthlink.net", "email.com", "fastmail.com", "fastmail.fm", "foxmail.com", "free.fr", "freenet.de", "hanmail.net",
    "hey.com", "hush.com", "hushmail.com", "icloud.com", "ig.com.br", "inbox.com", "inbox.lv", "inbox.ru", "interia.pl", "juno.com",
    "kpnmail.nl", "laposte.net", "libero.it", "list.ru", "mac.com", "mail.com", "mail.ru", "mailbox.org", "me.com", "msn.com",
    "naver.com", "neuf.fr", "ntlworld.com", "o2.pl", "onet.pl", "optonline.net", "optusnet.com.au", "orange.fr", "pm.me", "posteo.de",
    "proton.me", "protonmail.ch", "protonmail.com", "qq.com", "rambler.ru", "rediffmail.com", "rogers.com", "sapo.pt", "sbcglobal.net",
    "seznam.cz", "sfr.fr", "shaw.ca", "sina.com", "sky.com", "sohu.com", "sympatico.ca", "t-online.de", "talktalk.net", "telenet.be",
    "terra.com.br", "tiscali.co.uk", "tiscali.it", "tuta.com", "tuta.io", "tutanota.com", "tutanota.de", "ukr.net", "uol.com.br",
    "verizon.net", "virgilio.it", "virginmedia.com", "wanadoo.fr", "web.de", "windstream.net", "wp.pl", "ya.ru", "yeah.net", "zohomail.com",
];

/// Mailboxes of an office instead of a person.
const ROLES: &[&str] = &[
    "abuse", "accounting", "accounts", "admin", "administration", "administrator", "alert", "alerts", "all", "billing", "bookings",
    "bounce", "bounces", "buchhaltung", "careers", "comercial", "commercial", "compras", "contabilidad", "contact", "contacto",
    "contactus", "contato", "customercare", "customerservice", "daemon", "donotreply", "einkauf", "enquiries", "enquiry", "everyone",
    "feedback", "finance", "hello", "help", "helpdesk", "hostmaster", "hr", "info", "information", "inquiries", "inquiry", "invoice",
    "invoices", "it", "jobs", "kontakt", "kundenservice", "legal", "list", "mail", "mailer", "mailerdaemon", "mailbox", "marketing",
    "media", "news", "newsletter", "nobody", "noreply", "notification", "notifications", "office", "operations", "order", "orders",
    "personal", "post", "postmaster", "press", "presse", "privacy", "purchasing", "reception", "recruiting", "registration", "reply",
    "reservations", "root", "sales", "security", "service", "services", "shop", "staff", "subscribe", "support", "team", "tech",
    "test", "training", "unsubscribe", "usenet", "vendas", "ventas", "verkauf", "vertrieb", "webmaster", "welcome",
];

/// Senders that nobody reads.
const DEAF: &[&str] = &["bounce", "daemon", "donotreply", "mailerdaemon", "nepasrepondre", "noreply", "noresponder", "nichtantworten"];

/// What a home adds to the built-in lists.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    /// Domains of private mailboxes.
    pub free_mail: BTreeSet<String>,
    /// Mailboxes of an office, the part before the `@`.
    pub roles: BTreeSet<String>,
}

/// What a domain is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainKind {
    /// An organisation's own.
    Business,
    /// A provider of private mailboxes.
    FreeMail,
    /// A provider of throw-away mailboxes.
    Disposable,
    /// Reserved for examples, a bare public suffix, or no domain at all.
    Nowhere,
}

/// One mailbox, in the one spelling that all of its spellings lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Before the `@`, lower case, without what follows a plus sign; of Gmail also without dots.
    pub local: String,
    /// Behind the `@`, lower case.
    pub domain: String,
}

impl Mailbox {
    /// Reads an address: outer blanks, `mailto:` and `<>` do not count. `None` if it is none.
    ///
    /// The rule for spellings: case never counts; what follows a plus sign before the `@` never counts;
    /// dots before the `@` do not count at Gmail, where `googlemail.com` is `gmail.com`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = match (text.rfind('<'), text.strip_suffix('>')) {
            (Some(at), Some(inner)) => inner.get(at + 1..)?,
            _ => text,
        };
        let text = text.strip_prefix("mailto:").unwrap_or(text).trim();
        let (local, domain) = text.rsplit_once('@')?;
        let domain = domain.trim_end_matches('.').to_lowercase();
        let mut local = local.to_lowercase();
        let wrong = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | ',' | ';' | '<' | '>' | '(' | ')');
        if local.is_empty() || local.contains(wrong) || local.len() > 64 || !is_host(&domain) {
            return None;
        }
        if let Some((before, _)) = local.split_once('+')
            && !before.is_empty()
        {
            local.truncate(before.len());
        }
        let gmail = matches!(domain.as_str(), "gmail.com" | "googlemail.com");
        if gmail {
            local.retain(|c| c != '.');
        }
        if local.is_empty() {
            return None;
        }
        Some(Self { local, domain: if gmail { "gmail.com".to_owned() } else { domain } })
    }

    /// The address.
    pub fn address(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// Whether it belongs to an office, a list or a machine, so that it says nothing about a person: the first word is
    /// one of the roles, and what follows is a role, too, or short (`info`, `sales-emea`, `no-reply`, `support2`).
    pub fn is_role(&self, lists: &Lists) -> bool {
        let squeezed = squeeze(&self.local);
        let is = |w: &str| ROLES.contains(&w) || DEAF.contains(&w) || lists.roles.contains(w);
        if self.is_deaf() || is(&squeezed) || lists.roles.contains(self.local.as_str()) {
            return true;
        }
        let words: Vec<&str> = self.local.split(['.', '-', '_']).map(|w| w.trim_end_matches(|c: char| c.is_ascii_digit())).collect();
        match words.split_first() {
            Some((first, rest)) => is(first) && rest.iter().all(|w| w.len() <= 4 || is(w)),
            None => false,
        }
    }

    /// Whether nobody reads it.
    pub fn is_deaf(&self) -> bool {
        let squeezed = squeeze(&self.local);
        DEAF.iter().any(|d| squeezed.starts_with(d)) && !squeezed.starts_with("daemonic")
    }
}

/// Letters and digits without digits at the end.
fn squeeze(local: &str) -> String {
    let all: String = local.chars().filter(|c| c.is_alphanumeric()).collect();
    all.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned()
}

fn is_host(domain: &str) -> bool {
    domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
                && label.chars().all(|c| c == '-' || c == '_' || c.is_alphanumeric())
        })
}

/// The domain that somebody registered: `mail.acme.co.uk` is `acme.co.uk`. Takes hosts, web addresses and e-mail
/// addresses; `None` for a bare public suffix such as `co.uk`.
pub fn registrable(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let text = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
    let host = text.split(['/', '?', '#']).next()?;
    let host = host.rsplit('@').next()?.split(':').next()?.trim_end_matches('.');
    if !is_host(host) || host.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return None;
    }
    psl::domain_str(host).map(str::to_owned)
}

/// What a registrable domain is.
pub fn kind(domain: &str, lists: &Lists) -> DomainKind {
    let brand = domain.split('.').next().unwrap_or_default();
    let country_of_brand = FREE_BRANDS.contains(&brand) && psl::suffix_str(domain).is_some_and(|s| domain.len() == brand.len() + 1 + s.len());
    let reserved = ["example.com", "example.net", "example.org", "test.com"].contains(&domain)
        || domain.rsplit('.').next().is_some_and(|top| ["invalid", "localhost", "local", "test"].contains(&top));
    if reserved || psl::domain_str(domain).is_none() {
        DomainKind::Nowhere
    } else if disposable_emails::is_disposable_domain(domain) && !country_of_brand {
        DomainKind::Disposable
    } else if country_of_brand || FREE_DOMAINS.binary_search(&domain).is_ok() || lists.free_mail.contains(domain) {
        DomainKind::FreeMail
    } else {
        DomainKind::Business
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<String> {
        Mailbox::parse(text).map(|m| m.address())
    }

    #[test]
    fn spellings_of_one_mailbox_become_one() {
        for (text, want) in [
            (" Ann.Lee@Acme.Example ", "ann.lee@acme.example"),
            ("ann.lee+news@acme.example", "ann.lee@acme.example"),
            ("A.n.n+x@GoogleMail.com", "ann@gmail.com"),
            ("Ann Lee <ann@acme.example>", "ann@acme.example"),
            ("mailto:ann@acme.example.", "ann@acme.example"),
            ("+49@acme.example", "+49@acme.example"),
        ] {
            assert_eq!(address(text).as_deref(), Some(want), "{text}");
        }
        for text in ["", "ann", "ann@", "@acme.example", "ann@acme", "a b@acme.example", "a@b@", "ann@-x.example", "...@gmail.com"] {
            assert_eq!(address(text), None, "{text}");
        }
    }

    #[test]
    fn offices_and_machines_are_no_persons() {
        let role = |local: &str| Mailbox::parse(&format!("{local}@acme.example")).expect("an address").is_role(&Lists::default());
        for local in ["info", "no-reply", "No.Reply", "noreply123", "do_not_reply", "sales-emea", "support2", "sales+ann", "mailer-daemon", "bounces", "hr"] {
            assert!(role(local), "{local}");
        }
        for local in ["ann", "sales.manager.ann", "hr.smith", "admiral", "helpman", "it.ann.lee.woods"] {
            assert!(!role(local), "{local}");
        }
        let lists = Lists { roles: ["empfang".to_owned()].into(), ..Lists::default() };
        assert!(Mailbox::parse("empfang@acme.example").expect("an address").is_role(&lists));
    }

    #[test]
    fn sub_domains_and_country_domains_lead_to_what_was_registered() {
        for (text, want) in [
            ("mail.acme.co.uk", Some("acme.co.uk")),
            ("https://www.Acme.de/impressum?x#y", Some("acme.de")),
            ("shop.eu.acme.com.br", Some("acme.com.br")),
            ("acme.com.", Some("acme.com")),
            ("ann@sales.acme.com", Some("acme.com")),
            ("acme.com:8080", Some("acme.com")),
            ("co.uk", None),
            ("acme", None),
            ("10.0.0.1", None),
        ] {
            assert_eq!(registrable(text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn only_an_organisations_own_domain_names_it() {
        let kind = |domain: &str| kind(domain, &Lists::default());
        for domain in ["gmail.com", "yahoo.co.uk", "hotmail.fr", "web.de", "qq.com", "outlook.com.br"] {
            assert_eq!(kind(domain), DomainKind::FreeMail, "{domain}");
        }
        for domain in ["mailinator.com", "guerrillamail.com"] {
            assert_eq!(kind(domain), DomainKind::Disposable, "{domain}");
        }
        for domain in ["example.com", "acme.test"] {
            assert_eq!(kind(domain), DomainKind::Nowhere, "{domain}");
        }
        for domain in ["acme.com", "live-music.com", "outlooktravel.co.uk", "gmail.acme.com", "acme.example"] {
            assert_eq!(kind(domain), DomainKind::Business, "{domain}");
        }
    }

    #[test]
    fn the_list_is_in_order() {
        assert!(FREE_DOMAINS.is_sorted());
    }
}
