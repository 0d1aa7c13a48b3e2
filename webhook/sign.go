package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Header carries the signature of a message.
const Header = "Footfall-Signature"

// MaxAge is how old a signature may be when it is verified, and how far
// ahead the sender's clock.
const MaxAge = 5 * time.Minute

// Sign makes the value of Header: t=SECONDS,v1=HEX, the Unix time of sending and
// the HMAC-SHA-256 with a secret of that number, a full stop and the body; with
// several secrets, while one takes another's place, a v1 of each. None must be empty.
func Sign(body []byte, at time.Time, secrets ...[]byte) string {
	t := strconv.FormatInt(at.Unix(), 10)
	value := "t=" + t
	for _, secret := range secrets {
		value += ",v1=" + hex.EncodeToString(mac(secret, t, body))
	}
	return value
}

func mac(secret []byte, t string, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(t + "."))
	h.Write(body)
	return h.Sum(nil)
}

var errSignature = errors.New("the signature is not right")

// Verify checks a body against the value of Header, in a time that
// does not tell how much of it is right. Of several v1 one must be right: while
// a secret is changed, the body may be signed with both. Nil is right.
func Verify(secret, body []byte, header string, now time.Time) error {
	if len(secret) == 0 {
		return fmt.Errorf("%w: there is no secret", errSignature)
	}
	var t string
	var signatures []string
	for part := range strings.SplitSeq(header, ",") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "t":
			t = value
		case "v1":
			signatures = append(signatures, value)
		}
	}
	seconds, err := strconv.ParseInt(t, 10, 64)
	if err != nil || len(signatures) == 0 {
		return fmt.Errorf("%w: the header must be t=SECONDS,v1=HEX", errSignature)
	}
	want, right := mac(secret, t, body), false
	for _, s := range signatures {
		got, err := hex.DecodeString(s)
		right = err == nil && hmac.Equal(got, want) || right
	}
	if !right {
		return errSignature
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > MaxAge || age < -MaxAge {
		return fmt.Errorf("%w: it is of %s", errSignature, time.Unix(seconds, 0).UTC().Format(time.RFC3339))
	}
	return nil
}
