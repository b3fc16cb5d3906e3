//! Workbooks: XLSX and ODS written here, cell by cell, and an XLS of our own making.

use crate::packed::zip;
use crate::{faults, headers, put, rows};
use std::path::Path;
use treaty_app::import::Silent;
use treaty_intake::pack::Pack;
use treaty_intake::{Format, SourceFile, read, scan};

/// A workbook of sheets, each a list of rows of cells as XML without their places.
fn xlsx(sheets: &[(&str, &str)]) -> Vec<u8> {
    let parts: String = (1..=sheets.len())
        .map(|i| format!("<Override PartName=\"/xl/worksheets/sheet{i}.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>"))
        .collect();
    let list: String =
        sheets.iter().enumerate().map(|(i, (name, _))| format!("<sheet name=\"{name}\" sheetId=\"{0}\" r:id=\"rId{0}\"/>", i + 1)).collect();
    let links: String = (1..=sheets.len())
        .map(|i| format!("<Relationship Id=\"rId{i}\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet{i}.xml\"/>"))
        .collect();
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let mut files = vec![
        ("[Content_Types].xml".to_owned(), format!("{head}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>{parts}</Types>")),
        ("_rels/.rels".to_owned(), format!("{head}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>")),
        ("xl/workbook.xml".to_owned(), format!("{head}<workbook xmlns=\"{main}\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets>{list}</sheets></workbook>")),
        ("xl/_rels/workbook.xml.rels".to_owned(), format!("{head}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{links}<Relationship Id=\"rId99\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles\" Target=\"styles.xml\"/></Relationships>")),
        ("xl/styles.xml".to_owned(), format!("{head}<styleSheet xmlns=\"{main}\"><cellXfs count=\"3\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\" applyNumberFormat=\"1\"/><xf numFmtId=\"22\" applyNumberFormat=\"1\"/></cellXfs></styleSheet>")),
    ];
    for (i, (_, body)) in sheets.iter().enumerate() {
        files.push((format!("xl/worksheets/sheet{}.xml", i + 1), format!("{head}<worksheet xmlns=\"{main}\"><sheetData>{body}</sheetData></worksheet>")));
    }
    let files: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_bytes())).collect();
    zip(&files)
}

/// A row at a line; each cell is a text, `=number`, `d=number` (a date), `t=number` (a time), `e=error`, `b=0`,
/// `f=formula` without a value, `v=number` from a formula, or nothing.
fn row(line: usize, cells: &[&str]) -> String {
    let cell = |(i, cell): (usize, &&str)| {
        let place = format!("{}{line}", char::from(b'A' + u8::try_from(i).unwrap()));
        match cell.split_once('=') {
            _ if cell.is_empty() => String::new(),
            Some(("", n)) => format!("<c r=\"{place}\"><v>{n}</v></c>"),
            Some(("d", n)) => format!("<c r=\"{place}\" s=\"1\"><v>{n}</v></c>"),
            Some(("t", n)) => format!("<c r=\"{place}\" s=\"2\"><v>{n}</v></c>"),
            Some(("e", e)) => format!("<c r=\"{place}\" t=\"e\"><v>{e}</v></c>"),
            Some(("b", b)) => format!("<c r=\"{place}\" t=\"b\"><v>{b}</v></c>"),
            Some(("f", f)) => format!("<c r=\"{place}\"><f>{f}</f></c>"),
            Some(("v", n)) => format!("<c r=\"{place}\"><f>1+1</f><v>{n}</v></c>"),
            _ => format!("<c r=\"{place}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{cell}</t></is></c>"),
        }
    };
    format!("<row r=\"{line}\">{}</row>", cells.iter().enumerate().map(cell).collect::<String>())
}

fn ods(rows: &str) -> Vec<u8> {
    let names = "xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\"";
    let content = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><office:document-content {names}><office:body><office:spreadsheet><table:table table:name=\"Sheet1\">{rows}</table:table></office:spreadsheet></office:body></office:document-content>");
    let manifest = "<?xml version=\"1.0\"?><manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"/>";
    zip(&[("META-INF/manifest.xml", manifest.as_bytes()), ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", content.as_bytes())])
}

fn scanned(dir: &Path, name: &str, bytes: &[u8]) -> Vec<SourceFile> {
    let path = put(dir, name, bytes);
    scan(&[path]).unwrap()
}

#[test]
fn a_sheet_is_a_table_with_dates_numbers_and_the_lines_of_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let body = [
        row(2, &["Open deals of the quarter"]),
        row(4, &["id", "opened", "at", "amount", "rate", "won", "from"]),
        row(5, &["=1", "d=46082", "t=46082.395833333336", "v=0.30000000000000004", "=12", "b=1", "web"]),
        row(6, &["", "", " "]),
        row(7, &["0042", "e=#N/A", "", "=1234567890123", "=-1.5", "b=0"]),
        row(8, &["=3", "", "", "e=#DIV/0!"]),
        row(9, &["=4", "", "", "", "", "", "", "stray"]),
        row(10, &["=5", "", "", "f=SUM(D5:D7)", "", "", "x"]),
    ]
    .concat();
    let files = scanned(dir.path(), "people.csv", &xlsx(&[("Sheet1", &body)]));
    assert_eq!((files.len(), files[0].table.as_str(), files[0].format), (1, "people", Format::Workbook));
    let reading = read(&files[0], &Silent).unwrap();
    assert_eq!(headers(&reading.table), ["id", "opened", "at", "amount", "rate", "won", "from"]);
    assert_eq!(
        rows(&reading.table),
        [
            "5: 1 | 2026-03-01 | 2026-03-01T09:30:00 | 0.3 | 12 | true | web",
            "7: 0042 | - | - | 1234567890123 | -1.5 | false | -",
            "10: 5 | - | - | - | - | - | x",
        ]
    );
    let file = format!("{}/people.csv#Sheet1", dir.path().display());
    assert_eq!(
        faults(&reading.table),
        [
            format!("{file}:8: amount: the formula gives #DIV/0!; mend it in the workbook"),
            format!("{file}:9: has a value to the right of the last column name (from)"),
        ]
    );
    let notes = reading.notes.join("\n");
    for words in ["the column names are in line 4", "(Open deals of the quarter)", "1 rows without any value", "1 cells hold #N/A", "1 formulas have no stored value"] {
        assert!(notes.contains(words), "{words}: {notes}");
    }
}

#[test]
fn sheets_named_like_tables_are_those_tables() {
    let dir = tempfile::tempdir().unwrap();
    let sheet = |id: &str| format!("{}{}", row(1, &[id, "name"]), row(2, &["=1", "x"]));
    let book = xlsx(&[("People", &sheet("person_id")), ("Stage changes", &sheet("subject_id")), ("Notes", &sheet("n")), ("Empty", "")]);
    let files = scanned(dir.path(), "export.xlsx", &book);
    let tables: Vec<&str> = files.iter().map(|f| f.table.as_str()).collect();
    assert_eq!(tables, ["notes", "people", "stage_changes"]);
    assert!(files[1].display.ends_with("export.xlsx#People"));
    let packed = scanned(dir.path(), "all.zip", &zip(&[("x.txt", b""), ("in/export.xlsx", &book)]));
    assert_eq!(packed.len(), 3);
    assert_eq!(rows(&read(&packed[1], &Silent).unwrap().table), ["2: 1 | x"]);
}

#[test]
fn a_pack_takes_the_sheet_that_is_called_as_its_file() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "pack/pack.toml", "[pack]\nname = \"p\"\ntitle = \"p\"\ndescription = \"p\"\nsource = \"p\"\n[[file]]\ntable = \"deals\"\npath = \"deals*.csv\"\ncolumns = [\"id\"]\n[losses]\nx = \"y\"\n");
    put(dir.path(), "pack/opportunities.sql", "SELECT id FROM deals");
    let pack = Pack::load(&dir.path().join("pack")).unwrap();
    let sheet = |id: &str| format!("{}{}", row(1, &[id, "name"]), row(2, &["=1", "x"]));
    let one = put(dir.path(), "a/deals 2026.xlsx", xlsx(&[("Sheet1", &sheet("id"))]));
    let many = put(dir.path(), "b/crm.xlsx", xlsx(&[("Deals", &sheet("id")), ("Other", &sheet("n"))]));
    let none = put(dir.path(), "c/deals.xlsx", xlsx(&[("A", &sheet("id")), ("B", &sheet("n"))]));
    for path in [one, many.clone(), many.parent().unwrap().to_owned()] {
        let input = pack.read(&[path], &Silent).unwrap();
        assert_eq!((input.tables[0].name.as_str(), rows(&input.tables[0])), ("deals", vec!["2: 1 | x".to_owned()]));
    }
    let told = pack.read(&[none], &Silent).unwrap_err();
    assert!(told[0].reason.contains("the pack p needs this table"), "{told:?}");
}

#[test]
fn ods_has_dates_and_repeated_cells() {
    let dir = tempfile::tempdir().unwrap();
    let text = |t: &str| format!("<table:table-cell office:value-type=\"string\"><text:p>{t}</text:p></table:table-cell>");
    let body = format!(
        "<table:table-row>{}{}{}</table:table-row><table:table-row table:number-rows-repeated=\"2\"><table:table-cell table:number-columns-repeated=\"3\"/></table:table-row>\
         <table:table-row>{}<table:table-cell office:value-type=\"date\" office:date-value=\"2026-03-01\"><text:p>01.03.26</text:p></table:table-cell>\
         <table:table-cell office:value-type=\"float\" office:value=\"12.5\"><text:p>12,5</text:p></table:table-cell></table:table-row>",
        text("id"), text("opened"), text("amount"), text("7")
    );
    let files = scanned(dir.path(), "people.ods", &ods(&body));
    let table = read(&files[0], &Silent).unwrap().table;
    assert_eq!(rows(&table), ["4: 7 | 2026-03-01 | 12.5"]);
}

#[test]
fn an_old_workbook_is_read_too() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/people.xls");
    let files = scan(&[fixture]).unwrap();
    let table = read(&files[0], &Silent).unwrap().table;
    assert_eq!(headers(&table), ["person_id", "created_at", "score"]);
    assert_eq!(rows(&table), ["2: P1 | 2026-03-01T09:30:00 | 12.5", "3: P2 | 2026-03-02 | 7"]);
}

#[test]
fn a_broken_workbook_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let whole = xlsx(&[("Sheet1", &row(1, &["id"]))]);
    for (name, bytes, words) in [
        ("people.xlsx", &whole[..whole.len() / 2], "cut short"),
        ("users.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and then nothing", "cannot be read"),
    ] {
        let path = put(dir.path(), name, bytes);
        let told = scan(&[path]).unwrap_err().to_string();
        assert!(told.contains(words), "{told}");
    }
    let path = put(dir.path(), "accounts.xlsx", xlsx(&[("Sheet1", "")]));
    let files = scan(&[path]).unwrap();
    assert!(read(&files[0], &Silent).unwrap_err().reason.contains("is empty"));
}

#[test]
fn a_workbook_that_is_cut_anywhere_is_refused_or_read_and_never_ends_us() {
    let dir = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/people.xls");
    let whole = std::fs::read(fixture).unwrap();
    let (mut refused, mut table) = (0, None);
    for length in (256..=whole.len()).step_by(256) {
        let path = put(dir.path(), "people.xls", &whole[..length]);
        match scan(&[path]).map(|files| read(&files[0], &Silent)) {
            Ok(Ok(reading)) => table = Some(reading.table),
            _ => refused += 1,
        }
    }
    assert!(refused > 5 && table.is_some_and(|t| t.rows() == 2), "{refused}");
}
