//! Names for people, companies and papers, put together from syllables. Nobody real is meant.

use std::collections::BTreeSet;

use super::dice::Dice;

const FIRST: &[&str] = &[
    "Ada", "Adrian", "Alma", "Amir", "Anika", "Anton", "Bea", "Boris", "Carla", "Cedric", "Chloe",
    "Dario", "Delia", "Edgar", "Elena", "Elias", "Emma", "Enzo", "Esther", "Fabian", "Farah",
    "Felix", "Flora", "Gemma", "Gregor", "Hana", "Hugo", "Ida", "Imran", "Ingrid", "Isaac", "Ivy",
    "Jada", "Jasper", "Jonas", "Judith", "Kamal", "Kira", "Lars", "Leah", "Leo", "Lina", "Lucas",
    "Maeve", "Malik", "Mara", "Marco", "Maya", "Milan", "Mina", "Nadia", "Nils", "Nora", "Olga",
    "Omar", "Oscar", "Paula", "Priya", "Quentin", "Rafael", "Rosa", "Ruben", "Sana", "Silas",
    "Sofia", "Stella", "Tariq", "Tessa", "Theo", "Uma", "Victor", "Wanda", "Xenia", "Yusuf", "Zoe",
];

const LAST_START: &[&str] = &[
    "Al", "Bar", "Bren", "Cal", "Cor", "Dal", "Del", "Fen", "Gar", "Hal", "Har", "Ker", "Lan",
    "Lor", "Mar", "Mel", "Nor", "Os", "Pel", "Quin", "Ras", "Sel", "Tor", "Ul", "Van", "Wes",
    "Yar", "Zel",
];

const LAST_END: &[&str] = &[
    "avio", "brook", "den", "drick", "ekar", "fell", "gate", "holm", "imova", "kin", "lund",
    "mere", "nick", "ova", "rell", "rinho", "sby", "sten", "tani", "thorn", "vane", "wick",
    "worth", "yama",
];

const TOWN_START: &[&str] = &[
    "Ald", "Amber", "Arc", "Bel", "Birch", "Blue", "Bright", "Cedar", "Clear", "Copper", "Crest",
    "Dun", "East", "Elm", "Ever", "Fair", "Far", "Glen", "Gold", "Gran", "Grey", "Haw", "High",
    "Iron", "Kel", "Lake", "Lind", "Long", "Maple", "Mill", "North", "Oak", "Pine", "Quarry",
    "Red", "River", "Rock", "Sand", "Silver", "Stan", "Stone", "Summer", "Thorn", "West", "White",
    "Wild", "Wind", "Wood",
];

const TOWN_END: &[&str] = &[
    "bridge", "brook", "bury", "dale", "field", "ford", "gate", "grove", "haven", "hurst", "land",
    "ley", "moor", "port", "ridge", "shore", "stead", "ton", "vale", "view", "ward", "water",
    "wick", "worth",
];

/// Industries and the words that companies of them carry in their names.
pub(super) const INDUSTRIES: &[(&str, &[&str])] = &[
    ("logistics", &["Logistics", "Freight", "Shipping"]),
    ("manufacturing", &["Industries", "Materials", "Tools"]),
    ("health care", &["Health", "Clinics", "Care"]),
    ("financial services", &["Capital", "Insurance", "Mutual"]),
    ("retail", &["Stores", "Goods", "Retail"]),
    ("software", &["Software", "Systems", "Labs"]),
    ("energy", &["Energy", "Power", "Utilities"]),
    ("food", &["Foods", "Farms", "Kitchens"]),
];

/// Titles with persona, and whether the agreement's definition of a qualified lead names them.
pub(super) const TITLES: &[(&str, &str, bool)] = &[
    ("Chief Operating Officer", "executive", true),
    ("VP Operations", "executive", true),
    ("VP Finance", "executive", true),
    ("Director of Operations", "champion", true),
    ("Head of Customer Service", "champion", true),
    ("Head of Procurement", "champion", true),
    ("Director of IT", "technical evaluator", true),
    ("IT Manager", "technical evaluator", true),
    ("Operations Analyst", "user", false),
    ("Project Coordinator", "user", false),
    ("Software Engineer", "user", false),
    ("Office Manager", "user", false),
    ("Consultant", "other", false),
    ("Student", "other", false),
];

/// Topics of content and campaigns.
pub(super) const TOPICS: &[&str] = &[
    "Approval workflows",
    "Order handling",
    "Vendor onboarding",
    "Claims processing",
    "Field service",
    "Invoice matching",
    "Quality records",
    "Shift planning",
    "Document control",
    "Audit trails",
];

/// Makes names that do not repeat.
#[derive(Debug, Default)]
pub(super) struct Namer {
    taken: BTreeSet<String>,
}

impl Namer {
    /// First and last name.
    pub(super) fn person(dice: &mut Dice) -> (String, String) {
        let first = (*dice.pick(FIRST)).to_owned();
        (
            first,
            format!("{}{}", dice.pick(LAST_START), dice.pick(LAST_END)),
        )
    }

    /// A mailbox at a domain.
    pub(super) fn email(&mut self, first: &str, last: &str, domain: &str) -> String {
        let name = format!("{}.{}", first.to_lowercase(), last.to_lowercase());
        let mut address = format!("{name}@{domain}");
        let mut n = 2;
        while !self.taken.insert(address.clone()) {
            address = format!("{name}{n}@{domain}");
            n += 1;
        }
        address
    }

    /// Name, domain and industry of a company.
    pub(super) fn company(&mut self, dice: &mut Dice) -> (String, String, &'static str) {
        loop {
            let (industry, suffixes) = *dice.pick(INDUSTRIES);
            let (start, end, suffix) = (
                dice.pick(TOWN_START),
                dice.pick(TOWN_END),
                dice.pick(suffixes),
            );
            let domain = format!("{start}{end}-{suffix}.example").to_lowercase();
            if self.taken.insert(domain.clone()) {
                return (format!("{start}{end} {suffix}"), domain, industry);
            }
        }
    }
}
