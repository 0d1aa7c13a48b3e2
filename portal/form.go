package portal

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"footfall/affiliate"
)

// form is what somebody wrote, and what is wrong with it.
type form struct {
	values   url.Values
	problems map[string]string // by field
	Problem  string            // that is of no field
}

func (f *form) get(name string) string { return strings.TrimSpace(f.values.Get(name)) }

// wrong notes what is wrong with a field.
func (f *form) wrong(name, why string) {
	if f.problems == nil {
		f.problems = map[string]string{}
	}
	if f.problems[name] == "" {
		f.problems[name] = why
	}
}

func (f *form) ok() bool { return len(f.problems) == 0 && f.Problem == "" }

// take notes an error that is the sender's fault, at its field if the form has
// it; any other error comes back.
func (f *form) take(err error, fields ...string) error {
	var invalid *affiliate.InvalidError
	switch {
	case err == nil || !errors.As(err, &invalid):
		return err
	case slices.Contains(fields, invalid.Field):
		f.wrong(invalid.Field, capital(invalid.Why)+".")
	default:
		f.Problem = capital(strings.ReplaceAll(invalid.Error(), "_", " ")) + "."
	}
	return nil
}

// sent is the form that came.
func (v *visit) sent() (*form, error) {
	if err := v.r.ParseForm(); err != nil {
		return nil, &affiliate.InvalidError{Field: "form", Why: "is too large or can't be read"}
	}
	return &form{values: v.r.PostForm}, nil
}

// box is a field as a template draws it.
type box struct {
	Name, Label, Type, Hint, Value, Problem string
	Required                                bool
}

// ticked reports whether a box is ticked: as the form has it, which may be nil,
// else as it was.
func ticked(f *form, name string, was bool) bool {
	if f == nil {
		return was
	}
	return f.values.Has(name)
}

// field makes a box of a form, which may be nil; with was as its value if the
// form has none. A type ends in "!" if something must be there.
func field(f *form, name, label, kind, hint, was string) box {
	b := box{Name: name, Label: label, Hint: hint, Value: was}
	b.Type, b.Required = strings.CutSuffix(kind, "!")
	if f != nil {
		b.Problem = f.problems[name]
		if _, sent := f.values[name]; sent {
			b.Value = f.values.Get(name)
		}
	}
	return b
}
