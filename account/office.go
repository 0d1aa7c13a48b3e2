package account

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// Kept is what an Office needs to be kept.
type Kept interface {
	Entrances
	Tokens
	Secrets
	Subscriptions
	Audit
}

// Tokens keeps what lets in others than people.
type Tokens interface {
	Keys
	Shares
}

// Office is where it is changed who may do what: people and their roles, keys,
// shares and embed tokens. The command line and the pages both come here, so the
// rules stand once:
//   - Who changes something may ChangePeople of the site that it is about; of
//     every site where it is about all of them.
//   - What is of a whole person (to disable, to remove, to log out, another
//     password) is for who may ChangePeople of every site on which the person has
//     a role. So an owner of one site does nothing to somebody of another.
//   - Nobody does any of it to oneself, so an owner is always left.
//
// The operator may do all of it. Each change has its line in the audit log.
type Office struct {
	kept Kept
	now  func() time.Time
}

// NewOffice makes an Office; now is time.Now if it is nil.
func NewOffice(kept Kept, now func() time.Time) *Office {
	if now == nil {
		now = time.Now
	}
	return &Office{kept, now}
}

// Why an Office refuses; an unknown person, key or share is ErrNotFound.
var (
	ErrNotYours = errors.New("this is for an owner of the site, and what is of a whole person for an owner of every site where that one has a role")
	ErrYourself = errors.New("nobody changes a role of one's own, or disables or removes oneself: ask another owner")
)

// How long links that set a password work.
const (
	InviteLife = 7 * 24 * time.Hour
	ResetLife  = 24 * time.Hour
)

// Member is somebody with roles.
type Member struct {
	Person
	Roles   []Grant   `json:"roles"`
	TOTP    bool      `json:"totp"`
	Seen    time.Time `json:"seen,omitzero"` // newest use of a session that is not over; zero is not known
	Invited bool      `json:"invited"`       // has no password yet
}

// SpellRoles says what roles are: "admin of a, viewer of every site".
func SpellRoles(roles []Grant) string {
	var all []string
	for _, g := range roles {
		all = append(all, string(g.Role)+" of "+cmp.Or(g.Site, "every site"))
	}
	return strings.Join(all, ", ")
}

// Role is the member's on exactly this site; "" is none.
func (m Member) Role(site string) Role {
	at := slices.IndexFunc(m.Roles, func(g Grant) bool { return g.Site == site })
	if at < 0 {
		return ""
	}
	return m.Roles[at].Role
}

// Whole reports whether somebody may do what is of the whole member.
func (m Member) Whole(by Who) bool {
	return by.May(ChangePeople, "") || len(m.Roles) > 0 && !slices.ContainsFunc(m.Roles, func(g Grant) bool { return !by.May(ChangePeople, g.Site) })
}

// note adds a line to the audit log.
func (o *Office) note(ctx context.Context, by Who, c Change) error {
	c.Who = by.Name
	return o.kept.Record(ctx, c)
}

// may is ErrNotYours for who may not change people, keys and shares of a site.
func may(by Who, site string) error {
	if !by.May(ChangePeople, site) {
		return ErrNotYours
	}
	return nil
}

// AddKey makes a key; its token is told this once. What is wrong with the key is
// an event.InvalidError.
func (o *Office) AddKey(ctx context.Context, by Who, k Key) (token string, made Key, err error) {
	if err := may(by, k.Site); err != nil {
		return "", Key{}, err
	}
	if token, made, err = o.kept.AddKey(ctx, k); err != nil {
		return "", Key{}, err
	}
	var scopes []string
	for _, s := range made.Scopes {
		scopes = append(scopes, string(s))
	}
	return token, made, o.note(ctx, by, Change{What: "key add", Target: made.ID, New: strings.Join(scopes, ",") + " of " + cmp.Or(made.Site, "every site")})
}

// Keys lists those that somebody may revoke.
func (o *Office) Keys(ctx context.Context, by Who) ([]Key, error) {
	all, err := o.kept.Keys(ctx)
	return slices.DeleteFunc(all, func(k Key) bool { return !by.May(ChangePeople, k.Site) }), err
}

// RevokeKey revokes a key for good.
func (o *Office) RevokeKey(ctx context.Context, by Who, id string) error {
	all, err := o.Keys(ctx, by)
	if err == nil && !slices.ContainsFunc(all, func(k Key) bool { return k.ID == id }) {
		err = ErrNotFound
	}
	if err == nil {
		err = o.kept.RevokeKey(ctx, id)
	}
	if err != nil {
		return err
	}
	return o.note(ctx, by, Change{What: "key revoke", Target: id})
}

// AddShare makes a link that shows a site; its token is told this once.
func (o *Office) AddShare(ctx context.Context, by Who, s Share) (token string, made Share, err error) {
	if err := may(by, s.Site); err != nil {
		return "", Share{}, err
	}
	if token, made, err = o.kept.AddShare(ctx, s); err != nil {
		return "", Share{}, err
	}
	return token, made, o.note(ctx, by, Change{What: "share add", Target: made.ID, New: made.Site})
}

// Shares lists those that somebody may revoke.
func (o *Office) Shares(ctx context.Context, by Who) ([]Share, error) {
	all, err := o.kept.Shares(ctx)
	return slices.DeleteFunc(all, func(s Share) bool { return !by.May(ChangePeople, s.Site) }), err
}

// RevokeShare takes such a link back for good.
func (o *Office) RevokeShare(ctx context.Context, by Who, id string) error {
	all, err := o.Shares(ctx, by)
	if err == nil && !slices.ContainsFunc(all, func(s Share) bool { return s.ID == id }) {
		err = ErrNotFound
	}
	if err == nil {
		err = o.kept.RevokeShare(ctx, id)
	}
	if err != nil {
		return err
	}
	return o.note(ctx, by, Change{What: "share revoke", Target: id})
}

// SignEmbed signs a token for a page of somebody's own. What is wrong with e is
// an event.InvalidError.
func (o *Office) SignEmbed(ctx context.Context, by Who, e Embed) (token string, err error) {
	if err := may(by, e.Site); err != nil {
		return "", err
	}
	secret, err := o.kept.Secret(ctx, EmbedSecret)
	if err != nil {
		return "", err
	}
	if token, err = SignEmbed(secret, e, o.now()); err != nil {
		return "", err
	}
	shows := strings.Join(e.Metrics, " ") + " of " + cmp.Or(e.Affiliate, "all") + " until " + e.Expires.UTC().Format(time.RFC3339)
	return token, o.note(ctx, by, Change{What: "embed sign", Target: e.Site, New: shows})
}

// RenewEmbed makes every embed token, of every site, worth nothing.
func (o *Office) RenewEmbed(ctx context.Context, by Who) error {
	if err := may(by, ""); err != nil {
		return err
	}
	if err := o.kept.RenewSecret(ctx, EmbedSecret); err != nil {
		return err
	}
	return o.note(ctx, by, Change{What: "embed renew"})
}
