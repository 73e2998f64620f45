"""Everyday cryptography: paid in euros, five lessons, one section for the last three."""

from decimal import Decimal

from portal.demo.material import Callout, Code, Course, Heading, Lesson, Quote, Section, Text, Video

COURSE = Course(
    slug="everyday-cryptography",
    title="Everyday cryptography",
    introduction="Passwords, keys and the padlock in the browser: what protects what, and from whom.",
    description=(
        "<p>You use cryptography hundreds of times a day, and almost never see it. This course opens the "
        "box at the places where it matters to anyone who builds or runs something: how secrets are "
        "stored, how two strangers agree on a key in public, and what the padlock in the address bar "
        "promises.</p>"
        "<p>The mathematics stays at the level of clocks and remainders. The aim is not to invent ciphers, "
        "which nobody should, but to choose and combine the known ones correctly, and to notice when "
        "somebody has not.</p>"
    ),
    objectives=[
        "Say what encryption, hashing and signing each protect against",
        "Store passwords so that a stolen database is not a catastrophe",
        "Follow a key exchange and find the place where an impostor could stand",
        "Read what a certificate promises and what it does not",
    ],
    topic="Security",
    level="INTERMEDIATE",
    price=Decimal("35.00"),
    currency="EUR",
    contents=[
        Lesson(
            slug="who-is-the-enemy",
            title="Who is the enemy?",
            introduction="Security is always against somebody. Begin by saying against whom.",
            minutes=12,
            is_preview=True,
            body=[
                Text(
                    "<p>A lock on a diary keeps out a little brother and no burglar. Is it secure? The "
                    "question has no answer until you say who is coming. So the first step is a list, "
                    "called a <b>threat model</b>: what is worth protecting, who might want it, what can "
                    "they do, and what happens if they succeed.</p>"
                    "<p>Cryptography offers three services, and mixing them up is the most common mistake "
                    "of all. <b>Confidentiality</b>: others cannot read it. <b>Integrity</b>: others "
                    "cannot change it unnoticed. <b>Authenticity</b>: it comes from whom it says. An "
                    "encrypted message may well be altered on the way, and a signed one may be read by "
                    "all.</p>"
                ),
                Heading("The key, and only the key"),
                Text(
                    "<p>In 1883 Auguste Kerckhoffs demanded that a military cipher stay safe even when the "
                    "enemy has captured the machine: all the secrecy must lie in the key, since a key can "
                    "be changed in a minute. The rule has held ever since. A method that has to be hidden "
                    "is a method that nobody has been able to examine.</p>"
                ),
                Quote("The enemy knows the system.", "Claude Shannon, 1949"),
                Callout(
                    "Try it",
                    "<p>Write a threat model for your own telephone in five lines. Which of the three "
                    "services would you miss most if it were lost?</p>",
                    kind="tip",
                ),
            ],
        ),
        Lesson(
            slug="hashes-and-passwords",
            title="Hashes, and how to keep a password",
            introduction="The right way to store a password is not to store it.",
            minutes=22,
            video="https://www.youtube.com/watch?v=b4b8ktEV4Bg",
            price=Decimal("8.00"),
            body=[
                Text(
                    "<p>A <b>hash function</b> turns any data into a short fingerprint. The same input "
                    "always gives the same fingerprint; changing one bit changes about half of it; and "
                    "nobody can find an input for a given fingerprint, or two inputs with the same one, "
                    "faster than by trying. MD5 and SHA-1 have lost the last property and are no longer "
                    "fit for this purpose.</p>"
                    "<p>A site that keeps only the hash of a password can check it without knowing it. But "
                    "people choose the same few million passwords, and hashing all of these takes a "
                    "graphics card less than a second. Two remedies belong together:</p><ul><li>A "
                    "<b>salt</b>, a random value per user, hashed along with the password. Then a table "
                    "made in advance is worthless and equal passwords look different.</li><li>A "
                    "<b>slow</b> function made for the purpose, such as Argon2, scrypt or PBKDF2 with many "
                    "rounds. A tenth of a second is nothing when signing in and an eternity when "
                    "guessing.</li></ul>"
                ),
                Code(
                    "python",
                    "import hashlib\nimport secrets\n\n"
                    "salt = secrets.token_bytes(16)\n"
                    "key = hashlib.scrypt(b'correct horse', salt=salt, n=2**14, r=8, p=1)\n\n"
                    "def is_right(password: bytes) -> bool:\n"
                    "    again = hashlib.scrypt(password, salt=salt, n=2**14, r=8, p=1)\n"
                    "    return secrets.compare_digest(again, key)",
                ),
                Text(
                    "<p>Notice <code>compare_digest</code>. An ordinary comparison stops at the first byte "
                    "that differs, and so tells a patient listener, by its duration, how much of a guess "
                    "was right.</p>"
                ),
                Video(
                    "https://www.youtube.com/watch?v=8ZtInClXe1Q",
                    "How NOT to Store Passwords! (Computerphile)",
                ),
            ],
        ),
        Section(
            slug="keys-between-strangers",
            title="Keys between strangers",
            lessons=[
                Lesson(
                    slug="agreeing-in-public",
                    title="Agreeing on a secret in public",
                    introduction=(
                        "Two people who have never met shout numbers across a room and share a secret."
                    ),
                    minutes=20,
                    video="https://www.youtube.com/watch?v=NmM9HA2MQGI",
                    body=[
                        Text(
                            "<p>To encrypt with a shared key, two people must first share it, and if they "
                            "could do that safely they would hardly need the cipher. Until the 1970s keys "
                            "travelled by courier. Then Diffie and Hellman published a way to agree on one "
                            "while everybody listens.</p>"
                            "<p>It rests on an operation that is easy one way and hard the other: raising "
                            "a number to a power and keeping only the remainder. Both sides choose a "
                            "secret exponent and send the result. Each raises what it received to its own "
                            "secret, and both arrive at the same number.</p>"
                        ),
                        Code(
                            "python",
                            "p, g = 23, 5  # known to all; real ones have hundreds of digits\n"
                            "a, b = 6, 15  # each known to one side only\n"
                            "A = pow(g, a, p)  # 8, sent openly\n"
                            "B = pow(g, b, p)  # 19, sent openly\n"
                            "print(pow(B, a, p), pow(A, b, p))  # 2 2",
                        ),
                        Text(
                            "<p>A listener knows 23, 5, 8 and 19, and would have to find which power of 5 "
                            "leaves 8. With small numbers one tries them all. With large ones nobody knows "
                            "how.</p>"
                        ),
                        Callout(
                            "What it does not protect against",
                            "<p>Somebody who does not only listen but sits in between, and agrees on one key "
                            "with each side. Neither can tell. That gap is the subject of the next two "
                            "lessons.</p>",
                            kind="warning",
                        ),
                    ],
                ),
                Lesson(
                    slug="two-keys",
                    title="Two keys: public and private",
                    introduction="A lock that anybody can close, and a seal that only one person can make.",
                    minutes=19,
                    video="https://www.youtube.com/watch?v=GSIDS_lvRv4",
                    body=[
                        Text(
                            "<p>In public-key cryptography keys come in pairs. What one does, only the "
                            "other can undo. Publish one and keep the other to yourself, and two things "
                            "become possible that were not before.</p>"
                            "<p>Anybody can <b>encrypt</b> with your public key; only you can read it. And "
                            "you can <b>sign</b> with your private key; anybody can check with the public "
                            "one that it was you and that no letter has changed. In practice one signs the "
                            "hash of a message, and encrypts only a fresh key with which the message "
                            "itself is encrypted, since these operations are slow.</p>"
                            "<p>This closes the gap of the last lesson in part. If I know your public key, "
                            "you can sign what you send in the key exchange, and nobody can stand between "
                            "us. But how do I know that this key is yours?</p>"
                        ),
                        Callout(
                            "Three words to keep apart",
                            "<p>A <b>hash</b> needs no key and protects against nobody who can replace it. "
                            "A <b>message authentication code</b> needs a shared key: either side could "
                            "have made it. A <b>signature</b> needs a private key: only its owner "
                            "could.</p>",
                        ),
                    ],
                ),
                Lesson(
                    slug="the-padlock",
                    title="What the padlock promises",
                    introduction="Certificates, the handshake, and what remains your own affair.",
                    minutes=24,
                    video="https://www.youtube.com/watch?v=86cQJ0MMses",
                    body=[
                        Text(
                            "<p>A <b>certificate</b> is a signed sentence: “this public key belongs to "
                            "this domain”. Your browser comes with a list of about a hundred authorities "
                            "whose signatures it believes. When you open a page, the server shows its "
                            "certificate and signs its part of a Diffie–Hellman exchange. If the signature "
                            "fits the key, the key the name, and the name what you asked for, both sides "
                            "have a fresh secret that nobody else knows. That is the TLS handshake; "
                            "everything after it is encrypted and protected against change.</p>"
                            "<p>Because the exchanged secret is thrown away afterwards, stealing the "
                            "server’s private key next year does not open what was recorded today. This is "
                            "called forward secrecy.</p>"
                        ),
                        Heading("And what it does not promise"),
                        Text(
                            "<ul><li>That the people behind the domain are honest. Fraudsters have valid "
                            "certificates.</li><li>That the domain is the one you meant. Read it from the "
                            "right.</li><li>That the data is safe once it has arrived. See the lesson on "
                            "passwords.</li><li>That nobody knows whom you talk to: names and sizes remain "
                            "visible.</li></ul><p>With this you can return to your threat model from the "
                            "first lesson and mark what the padlock takes off your list. The rest is "
                            "yours.</p>"
                        ),
                    ],
                ),
            ],
        ),
    ],
)
