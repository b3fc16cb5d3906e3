//! Binary workbooks (XLSB): records of [MS-XLSB] written here, one by one.

use crate::packed::zip;
use crate::{headers, put, rows};
use treaty_app::import::Silent;
use treaty_intake::{Format, read, scan};

/// A record: its number, its length and its bytes. Numbers and lengths have seven bits a byte.
fn record(number: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![];
    let mut put = |mut n: u32| loop {
        let more = n > 0x7f;
        out.push((n & 0x7f) as u8 | if more { 0x80 } else { 0 });
        n >>= 7;
        if !more {
            break;
        }
    };
    put(number);
    put(u32::try_from(bytes.len()).unwrap());
    out.extend(bytes);
    out
}

fn int(n: u32) -> [u8; 4] {
    n.to_le_bytes()
}

/// A text: the number of its UTF-16 units, and them.
fn text(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut out = int(u32::try_from(units.len()).unwrap()).to_vec();
    out.extend(units.iter().flat_map(|u| u.to_le_bytes()));
    out
}

/// What a cell holds.
enum Is<'a> {
    Text(&'a str),
    Shared(u32),
    /// A whole number, packed as Excel does.
    Small(i32),
    Number(f64),
    Date(f64),
    Flag(bool),
}

fn cell(column: u32, is: &Is<'_>) -> Vec<u8> {
    let (number, style, value) = match is {
        Is::Small(n) => (2, 0, ((n << 2) | 2).to_le_bytes().to_vec()),
        Is::Flag(flag) => (4, 0, vec![u8::from(*flag)]),
        Is::Number(n) => (5, 0, n.to_le_bytes().to_vec()),
        Is::Date(n) => (5, 1, n.to_le_bytes().to_vec()),
        Is::Text(t) => (6, 0, text(t)),
        Is::Shared(at) => (7, 0, int(*at).to_vec()),
    };
    record(number, &[&int(column)[..], &int(style), &value].concat())
}

fn workbook(sheet: &str, shared: &[&str], rows: &[Vec<Is<'_>>]) -> Vec<u8> {
    const LINKS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">";
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let types = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"bin\" ContentType=\"application/vnd.ms-excel.sheet.binary.macroEnabled.main\"/></Types>";
    let whole = format!("{LINKS}<Relationship Id=\"rId1\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.bin\"/></Relationships>");
    let links = format!(
        "{LINKS}<Relationship Id=\"rId1\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet1.bin\"/>\
         <Relationship Id=\"rId2\" Type=\"{OFFICE}/styles\" Target=\"styles.bin\"/><Relationship Id=\"rId3\" Type=\"{OFFICE}/sharedStrings\" Target=\"sharedStrings.bin\"/></Relationships>"
    );
    // BrtBeginBook, BrtBeginBundleShs, BrtBundleSh (visible, number 1), BrtEndBundleShs, BrtEndBook.
    let bundle = [&int(0)[..], &int(1), &text("rId1"), &text(sheet)].concat();
    let book = [record(131, &[]), record(143, &[]), record(156, &bundle), record(144, &[]), record(132, &[])].concat();
    // BrtBeginSst with the numbers of texts, BrtSSTItem without a format, BrtEndSst.
    let count = int(u32::try_from(shared.len()).unwrap());
    let mut texts = record(159, &[count, count].concat());
    texts.extend(shared.iter().flat_map(|t| record(19, &[vec![0], text(t)].concat())));
    texts.extend(record(160, &[]));
    // BrtBeginCellXFs; BrtXF as general, and as a date (format 14); BrtEndCellXFs.
    let format = |n: u8| record(47, &[[0, 0, n, 0], [0; 4], [0; 4], [0; 4]].concat());
    let styles = [record(278, &[]), record(617, &int(2)), format(0), format(14), record(618, &[]), record(279, &[])].concat();
    // BrtBeginSheet, BrtWsDim, BrtBeginSheetData, then BrtRowHdr and cells, BrtEndSheetData, BrtEndSheet.
    let size = [int(0), int(u32::try_from(rows.len()).unwrap() - 1), int(0), int(9)].concat();
    let mut cells = [record(129, &[]), record(148, &size), record(145, &[])].concat();
    for (at, row) in (0u32..).zip(rows) {
        cells.extend(record(0, &[&int(at)[..], &[0; 13]].concat()));
        cells.extend((0u32..).zip(row).flat_map(|(column, is)| cell(column, is)));
    }
    cells.extend([record(146, &[]), record(130, &[])].concat());
    zip(&[
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", whole.as_bytes()),
        ("xl/workbook.bin", &book),
        ("xl/_rels/workbook.bin.rels", links.as_bytes()),
        ("xl/styles.bin", &styles),
        ("xl/sharedStrings.bin", &texts),
        ("xl/worksheets/sheet1.bin", &cells),
    ])
}

#[test]
fn a_binary_workbook_is_read_like_others() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = workbook(
        "Deals",
        &["id", "opened", "Müller"],
        &[
            vec![Is::Shared(0), Is::Shared(1), Is::Text("name"), Is::Text("amount"), Is::Text("won")],
            vec![Is::Small(7), Is::Date(46082.0), Is::Shared(2), Is::Number(1234.5), Is::Flag(true)],
            vec![Is::Text("0042"), Is::Date(46082.395833333336), Is::Text("Fern \"&\" Co"), Is::Small(-3), Is::Flag(false)],
        ],
    );
    let files = scan(&[put(dir.path(), "people.xlsb", bytes)]).unwrap();
    assert_eq!((files[0].table.as_str(), files[0].format), ("people", Format::Workbook));
    let reading = read(&files[0], &Silent).unwrap();
    assert_eq!(headers(&reading.table), ["id", "opened", "name", "amount", "won"]);
    assert_eq!(
        rows(&reading.table),
        ["2: 7 | 2026-03-01 | Müller | 1234.5 | true", "3: 0042 | 2026-03-01T09:30:00 | Fern \"&\" Co | -3 | false"]
    );
}
