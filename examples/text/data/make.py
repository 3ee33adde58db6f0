"""Makes the files of this folder from an unpacked wheel of Django (`pip download --no-deps django==5.2.19`):

    python3 make.py FOLDER_OF_THE_WHEEL

Line k of all files is the same message. Needs polib.
"""

import re
import sys
from pathlib import Path

import polib

LANGUAGES = ["cs", "da", "de", "es", "fi", "fr", "hu", "it", "nb", "nl", "pl", "pt", "sv", "en"]
# What stands for a value, as %(name)s, {name} or %s; what is no word of any language; keys that are marked by &.
NOT_WORDS = re.compile(r"%\([^)]*\)[a-z]|%[a-z]|\{[^}]*\}|<[^>]*>|https?://\S+|&\w+;|[\"“”„«»]|'(?=\W|$)|(?<=\W)'")
# So many letters make a line.
SHORTEST = 12


def clean(text):
    text = re.sub("[‘’]", "'", text)
    return " ".join(NOT_WORDS.sub(" ", text).split()).strip(" .,:;!-–…")


def messages(root, language):
    """The cleaned translations of a language by file and message; English is what is translated."""
    found = {}
    for path in sorted(root.glob("django/**/locale/de/LC_MESSAGES/django.po")):
        theirs = Path(str(path).replace("/de/", f"/{'de' if language == 'en' else language}/"))
        for entry in polib.pofile(theirs) if theirs.exists() else []:
            text = entry.msgid if language == "en" else entry.msgstr
            if entry.msgstr and not entry.fuzzy:
                found[path.parts[-4:-3] + path.parts[-5:-4] + (entry.msgctxt, entry.msgid)] = clean(text)
    return found


def main():
    root = Path(sys.argv[1])
    all_languages = {language: messages(root, language) for language in LANGUAGES}
    kept, seen = [], set()
    for key, english in all_languages["en"].items():
        texts = [all_languages[language].get(key, "") for language in LANGUAGES]
        letters = [sum(c.isalpha() for c in text) for text in texts]
        # A text that is not translated is that of another language.
        if min(letters) >= SHORTEST and len(set(texts)) == len(texts) and english.lower() not in seen:
            seen.add(english.lower())
            kept.append(texts)
    for language, texts in zip(LANGUAGES, zip(*kept)):
        print(language, len(texts), sum(len(t.encode()) + 1 for t in texts))
        Path(__file__).with_name(f"{language}.txt").write_text("".join(f"{t}\n" for t in texts), encoding="utf-8")


main()
