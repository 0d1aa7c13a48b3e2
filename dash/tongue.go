package dash

import (
	"net/http"

	"footfall/account"
	"footfall/language"
)

// key is a text of a page in English, and what it is found by in other languages.
type key = language.Key

// tongue is the language of a page, with how figures are spelled in it; the zero value is
// English.
type tongue struct{ *language.Language }

// spoken is the header that has the language of an answer, from before it is drawn on.
const spoken = "Content-Language"

// speak chooses the language of an answer: what the person has set, else what the browser
// wants.
func speak(w http.ResponseWriter, r *http.Request, p account.Person) tongue {
	l := language.Of(p.Language)
	if l == nil {
		l = language.Wanted(r.Header.Get("Accept-Language"))
	}
	w.Header().Set(spoken, l.Tag)
	return tongue{l}
}

// tongueOf is the language of an answer.
func tongueOf(w http.ResponseWriter) tongue {
	return tongue{language.Of(w.Header().Get(spoken))}
}
