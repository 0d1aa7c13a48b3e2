package ledger

import "testing"

// Rule 15: two spellings of one mailbox are the same.
func TestFoldEmail(t *testing.T) {
	for address, want := range map[string]string{
		" Ann@Example.ORG ": "ann@example.org", "ann+shop@example.org": "ann@example.org", "a.n.n@example.org": "a.n.n@example.org",
		"A.N.N+x@GoogleMail.com": "ann@gmail.com", "ann@gmail.com.": "ann@gmail.com", "a+b+c@x": "a@x",
		"": "", "Ann": "ann", "@x": "@x", "+a@x": "+a@x", "...@gmail.com": "...@gmail.com", "a@": "a@", "Ä@x": "ä@x",
	} {
		if got := FoldEmail(address); got != want {
			t.Errorf("FoldEmail(%q) = %q, want %q", address, got, want)
		}
		if got := FoldEmail(want); got != want {
			t.Errorf("folded again, %q is %q", want, got)
		}
	}
}

func TestPayable(t *testing.T) {
	for kind, want := range map[EntryKind]bool{Earn: true, Reverse: true, DisputeHold: true, DisputeRelease: true, Manual: true, PaidOut: false, PayoutFailed: false} {
		if kind.Payable() != want {
			t.Errorf("%s is payable: %v", kind, !want)
		}
	}
}
