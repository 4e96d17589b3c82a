//! The constants of KIM: sizes, ports, waits, fixed texts (CM; BC A_17299-01; AK).

/// Largest mail that travels without an attachment store, in bytes (15 MiB).
pub const DIRECT_BYTES_MAX: u64 = 15_728_640;
/// The least `SIZE` a client module offers, in bytes: 25 MiB in base64 with its line ends.
pub const SMTP_SIZE_MIN: u64 = 35_882_577;
/// The least `maxMailSize` an account service may offer for mails in the attachment store, in bytes (700 MiB).
pub const STORED_BYTES_MIN: u64 = 734_003_200;
/// Days a mail lies at the service before it vanishes, unless the account says otherwise.
pub const KEPT_DAYS: u16 = 90;
/// Outer subject of every encrypted mail.
pub const OUTER_SUBJECT: &str = "KOM-LE-Nachricht";
/// The service mark of a mail that names none.
pub const SERVICE_MARK_DEFAULT: &str = "KIM-Mail;Default;V1.0";
/// Every SMTP and POP3 wait of a Basis-Consumer, in seconds, unless configured otherwise.
pub const WAIT_SECS: u64 = 300;
/// Port of POP3 over TLS.
pub const POP3S_PORT: u16 = 995;
/// Port of SMTP over TLS.
pub const SMTPS_PORT: u16 = 465;
/// An insurer polls its mailbox at least this often, in seconds (TA KP310).
pub const POLL_SECS_MAX: u64 = 600;
/// Content type of an encrypted KIM mail.
pub const ENCRYPTED_TYPE: &str = "application/pkcs7-mime";
/// Its `smime-type`.
pub const ENCRYPTED_SMIME_TYPE: &str = "authenticated-enveloped-data";
