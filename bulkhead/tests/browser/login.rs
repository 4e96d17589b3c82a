//! Who gets in, and who is told why not.

use crate::{
    chromium::{Chromium, Look},
    common::World,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_log_in_with_their_keys_and_others_are_told_why_not() {
    let Some(chromium) = Chromium::start("login") else {
        return;
    };
    let world = World::open().await;
    let origin = world.console();
    let screen = chromium.screen("leitung", Look::at(&origin));
    // Whoever is not logged in is sent to the log-in, and afterwards where they wanted to go.
    screen.see("/warten");
    assert_eq!(screen.path(), "/anmelden?weiter=/warten");
    screen.says(&[
        "Auf dem eigenen Rechner diese Zeile unterschreiben",
        "Was jetzt zu tun ist",
    ]);
    // A key that nobody knows: the sentence says so, nobody is let in.
    let stranger = world.dir.path().join("stranger");
    make_key(&stranger);
    let signed = world
        .sign_login(&screen.value("challenge"), &stranger)
        .expect(0, &[])
        .out;
    screen.fill("signature", &signed);
    screen.follow("main button", "");
    screen.says(&["Dieser Schlüssel gehört niemandem in der geltenden Verfassung"]);
    // The same with something that is no signature at all.
    screen.fill("signature", "das ist keine Unterschrift");
    screen.follow("main button", "");
    screen.says(&["Die Unterschrift zählt nicht"]);
    // A companion never signs for another console than the one it was told.
    let foreign = screen.value("challenge").replace(&origin, "http://127.0.0.1:1");
    let refused = world.sign_login(&foreign, &world.key_of("leitung-1"));
    assert_ne!(refused.code, 0, "{refused:?}");
    // With the right key, as the page says it, by OpenSSH alone.
    let challenge = screen.value("challenge");
    screen.fill("signature", &by_openssh(&world, &challenge, "leitung-1"));
    screen.follow("main button", "");
    screen.until(".account", "leitung-1");
    assert_eq!(screen.path(), "/warten");
    screen.until(".account", "Einsatzleitung");
    screen.follow(".account button", "Abmelden");
    assert_eq!(screen.path(), "/anmelden");
    screen.see("/");
    assert_eq!(screen.path(), "/anmelden", "the session is over");
    // In English, by our own companion.
    let english = chromium.screen("english", Look::at(&origin).english());
    world.log_in(&english, "leitung-2");
    english.follow(".account a", "English");
    english.says(&["What to do next", "Nothing to do", "6 Open", "proven"]);
    english.follow(".account button", "Log out");
    english.says(&["Sign this line on your own machine"]);
    assert_eq!(screen.noise(), [""; 0]);
    drop(chromium);
    world.end().await;
}

fn make_key(path: &std::path::Path) {
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
}

fn by_openssh(world: &World, challenge: &str, person: &str) -> String {
    let file = world.dir.path().join("challenge");
    std::fs::write(&file, challenge).unwrap();
    let signed = std::process::Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "bulkhead-login", "-f"])
        .arg(world.key_of(person))
        .arg(&file)
        .status();
    assert!(signed.unwrap().success());
    std::fs::read_to_string(file.with_extension("sig")).unwrap()
}
