package mail

// Kind is what a letter is about.
type Kind string

// The kinds of letters.
const (
	Invitation     Kind = "invitation"      // a person may see a site
	Membership     Kind = "membership"      // an affiliate gets a log-in
	LoginLink      Kind = "login"           //
	Reset          Kind = "reset"           // of a forgotten password
	Application    Kind = "application"     // to who runs a programme
	Acceptance     Kind = "acceptance"      // to who applied
	PayoutApproved Kind = "payout-approved" //
	PayoutPaid     Kind = "payout-paid"     //
	PayoutFailed   Kind = "payout-failed"   //
	Trial          Kind = "trial"           // of the configuration
	Figures        Kind = "report"          // of a period: see WriteReport
	AlertBegan     Kind = "alert"           // something is unusual
	AlertOver      Kind = "alert-over"      // it is not any more
)

// About is what letters tell of. A kind uses what it needs of it.
type About struct {
	Server    string // the server's name, such as stats.example.com
	Link      string // of the button, absolute
	Life      string // how long the link works: "an hour"
	Role      string // of the person: "viewer"
	Site      string // domain of the role; "" is every site
	Program   string // title
	Who       string // name of who applied
	Amount    string // with its currency: "62.50 EUR"
	Reference string // of the transfer; "" if there is none
	Payout    string // id
	Account   string // where the money goes; "" is not known
	Reason    string // why it did not go there
	HasLogin  bool   // there is no password to set
	What      string // is unusual
	Rule      string // by which it is
	Figure    string // that is looked at
	Usual     string // the same as it usually is; "" is not known
	Since     string // when it began
}

// text is a letter in one language. All of it are templates of About; a
// paragraph or a fact that comes out empty is left out.
type text struct {
	subject    string
	title      string
	paragraphs []string
	facts      [][2]string // a name and a value each
	button     string
	end        string // small, below
}

const unexpected = "If you did not expect this, leave it: without you nothing happens."

// english are the letters' words, all of them.
var english = map[Kind]text{
	Invitation: {
		subject: "You are invited to {{.Server}}",
		title:   "Welcome to Footfall",
		paragraphs: []string{
			`{{if eq .Role "affiliate"}}You may see your own figures of {{or .Site "every site"}} on {{.Server}}.{{else}}You may see the figures of {{or .Site "every site"}} on {{.Server}}, as {{.Role}}.{{end}}`,
			"Set a password to begin. The link works once, within {{.Life}}.",
		},
		button: "Set a password",
		end:    unexpected,
	},
	Membership: {
		subject: "Your access to the affiliate programme {{.Program}}",
		title:   "{{.Program}}: your own pages",
		paragraphs: []string{
			"You take part in the affiliate programme {{.Program}}. On your pages you make links, and see your clicks, orders, commissions and payouts.",
			"Set a password to begin. The link works once, within {{.Life}}.",
		},
		button: "Set a password",
		end:    unexpected,
	},
	LoginLink: {
		subject: "Your link to log in to {{.Server}}",
		title:   "Log in",
		paragraphs: []string{
			"This link logs you in to {{.Server}}. It works once, within {{.Life}}.",
		},
		button: "Log in",
		end:    "If you did not ask for it, leave it: nobody else has the link. Somebody may have mistyped an address.",
	},
	Reset: {
		subject: "A new password for {{.Server}}",
		title:   "A new password",
		paragraphs: []string{
			"With this link you set a new password for {{.Server}}. It works once, within {{.Life}}. Until then the old password stays as it is.",
		},
		button: "Set a new password",
		end:    "If you did not ask for it, leave it: nobody else has the link. Somebody may have mistyped an address.",
	},
	Application: {
		subject: "{{.Who}} applied for {{.Program}}",
		title:   "Somebody applied for {{.Program}}",
		paragraphs: []string{
			"{{.Who}} would like to take part in the affiliate programme {{.Program}}. Nothing is promised yet: you accept the application, or you don't.",
		},
		button: "See the application",
		end:    "You get this because you run the programme on {{.Server}}.",
	},
	Acceptance: {
		subject: "You are in: {{.Program}}",
		title:   "Welcome to {{.Program}}",
		paragraphs: []string{
			"Your application for the affiliate programme {{.Program}} is accepted. On your pages you make links, and see your clicks, orders, commissions and payouts.",
			"{{if not .HasLogin}}Set a password to begin. The link works once, within {{.Life}}.{{end}}",
		},
		button: "{{if .HasLogin}}To your pages{{else}}Set a password{{end}}",
		end:    "You get this because you applied on {{.Server}}.",
	},
	PayoutApproved: {
		subject: "Your payout of {{.Amount}} is approved",
		title:   "{{.Amount}} for you",
		paragraphs: []string{
			"Your commissions of {{.Program}} are approved to be paid out. You get another message once the money is paid.",
		},
		facts:  [][2]string{{"Amount", "{{.Amount}}"}, {"To", "{{.Account}}"}, {"Payout", "{{.Payout}}"}},
		button: "See your payouts",
		end:    "You get this because you take part in {{.Program}} on {{.Server}}. Who runs the programme can turn these messages off.",
	},
	PayoutPaid: {
		subject: "Your payout of {{.Amount}} is paid",
		title:   "{{.Amount}} paid out",
		paragraphs: []string{
			"Your commissions of {{.Program}} are paid out.",
		},
		facts:  [][2]string{{"Amount", "{{.Amount}}"}, {"To", "{{.Account}}"}, {"Reference", "{{.Reference}}"}, {"Payout", "{{.Payout}}"}},
		button: "See your payouts",
		end:    "You get this because you take part in {{.Program}} on {{.Server}}. Who runs the programme can turn these messages off.",
	},
	PayoutFailed: {
		subject: "Your payout of {{.Amount}} failed",
		title:   "{{.Amount}} could not be paid out",
		paragraphs: []string{
			"Your payout of {{.Program}} failed. Nothing of it is lost: your commissions that were in it can be paid again, and go into your next payout.",
			"Please check in your profile where your money goes. If that is right, ask who runs the programme.",
		},
		facts:  [][2]string{{"Amount", "{{.Amount}}"}, {"Reason", "{{.Reason}}"}, {"To", "{{.Account}}"}, {"Reference", "{{.Reference}}"}, {"Payout", "{{.Payout}}"}},
		button: "To your profile",
		end:    "You get this because you take part in {{.Program}} on {{.Server}}. Who runs the programme can turn these messages off.",
	},
	AlertBegan: {
		subject: "{{or .Site .Server}}: {{.What}}",
		title:   "{{.What}}",
		paragraphs: []string{
			"{{.Rule}}. You are told once more when it is over.",
		},
		facts:  [][2]string{{"Of", "{{or .Site .Server}}"}, {"Now", "{{.Figure}}"}, {"Usually", "{{.Usual}}"}, {"Since", "{{.Since}}"}},
		button: "To the dashboard",
		end:    "You get this because somebody who runs {{.Server}} set this alert: footfall alert list",
	},
	AlertOver: {
		subject: "{{or .Site .Server}}: over: {{.What}}",
		title:   "Over: {{.What}}",
		paragraphs: []string{
			"It is as usual again. The alert was: {{.Rule}}.",
		},
		facts:  [][2]string{{"Of", "{{or .Site .Server}}"}, {"Now", "{{.Figure}}"}, {"Usually", "{{.Usual}}"}, {"It began", "{{.Since}}"}},
		button: "To the dashboard",
		end:    "You get this because somebody who runs {{.Server}} set this alert: footfall alert list",
	},
	Trial: {
		subject: "A test of {{.Server}}",
		title:   "Mail works",
		paragraphs: []string{
			"This server can send mail: invitations, links to log in, new passwords and what affiliates are told.",
		},
		button: "To the dashboard",
		end:    "Somebody typed on {{.Server}}: footfall mail test",
	},
}
