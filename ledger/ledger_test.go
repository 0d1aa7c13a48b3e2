package ledger

import (
	"slices"
	"testing"
)

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
	kinds := map[EntryKind]bool{Earn: true, Reverse: true, DisputeHold: true, DisputeRelease: true, Manual: true, PaidOut: false, PayoutFailed: false}
	for kind, want := range kinds {
		if kind.Payable() != want || !slices.Contains(EntryKinds, kind) {
			t.Errorf("%s is payable: %v, or not listed", kind, !want)
		}
	}
	if len(EntryKinds) != len(kinds) {
		t.Errorf("%d kinds are listed, want %d", len(EntryKinds), len(kinds))
	}
}
