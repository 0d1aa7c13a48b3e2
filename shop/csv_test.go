package shop

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

const file = "store,order_id,time,currency,product_id,quantity,net,coupon,customer_email,click_id,refund_of,refund_id,refund_amount,total\n" +
	"eu,1,2023-05-14 12:00,EUR,go,2,15.00,ANNA15,kim@example.com,c1,,,,23.80\n" +
	"eu,2,2023-05-15,,sql,1,9,,,,,,,\n" +
	"eu,1,2023-05-14 12:00,,sql,1,5,SPRING,,,,,,\n" +
	"eu,,2023-05-16T08:00:00+02:00,EUR,go,,,,,,1,r1,7.50,\n" +
	"eu,,2023-05-16T08:00:00+02:00,,sql,,,,,,1,r1,1,\n" +
	"eu,,2023-05-17,,,,,,,,1,r2,2.50,\n" +
	"eu,,2023-05-18,,,,,,,,2,,,\n"

func TestReadCSV(t *testing.T) {
	for name, text := range map[string]string{
		"commas": file, "a byte order mark": "\xef\xbb\xbf" + file, "lines of Windows": strings.ReplaceAll(file, "\n", "\r\n"),
		"semicolons":     strings.ReplaceAll(file, ",", ";"),
		"decimal commas": strings.NewReplacer(",", ";", "15.00", "15,00", "7.50", "7,50", "2.50", "2,50", "23.80", "23,80").Replace(file),
		"capitals":       strings.Replace(file, "store,order_id", " Store ,ORDER_ID", 1),
	} {
		t.Run(name, func(t *testing.T) {
			reports, err := ReadCSV([]byte(text), asked)
			if err != nil || len(reports) != 5 {
				t.Fatalf("%d reports, %v", len(reports), err)
			}
			r := reports[0]
			if r.Number != "1" || r.Store != "eu" || !r.Time.Equal(noon) || !r.Said.Equal(asked.Now) || r.From != FromCSV || !r.Verified || r.Email != "kim@example.com" || r.Click != "c1" {
				t.Errorf("%+v", r)
			}
			if o := r.Order; nets(o.Lines) != "go:1500 sql:500" || o.Lines[0].Quantity != 2 || o.Total != 2380 || !reflect.DeepEqual(o.Coupons, []string{"ANNA15", "SPRING"}) {
				t.Errorf("%+v", o)
			}
			if o := reports[1].Order; o.Currency != "EUR" || nets(o.Lines) != "sql:900" {
				t.Errorf("%+v", o)
			}
			for i, want := range []Refund{
				{ID: "r1", Currency: "EUR", Lines: []RefundLine{{Product: "go", Amount: 750}, {Product: "sql", Amount: 100}}},
				{ID: "r2", Amount: 250},
				{Full: true},
			} {
				if got := reports[2+i].Refund; got == nil || !reflect.DeepEqual(*got, want) {
					t.Errorf("refund %d: %+v; want %+v", i, got, want)
				}
			}
			if r := reports[2]; r.Number != "1" || !r.Time.Equal(time.Date(2023, 5, 16, 6, 0, 0, 0, time.UTC)) {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestCSVOrdersWithoutProducts(t *testing.T) {
	reports, err := ReadCSV([]byte("order_id,time,revenue\n1,2023-05-14,12.50\n2,2023-05-14,-3\n"), asked)
	if err != nil || len(reports) != 2 || nets(reports[0].Order.Lines) != "order:1250" || nets(reports[1].Order.Lines) != "order:-300" {
		t.Errorf("%+v, %v", reports, err)
	}
}

// Refunds without an id are told apart by their time.
func TestCSVRefundsWithoutID(t *testing.T) {
	reports, err := ReadCSV([]byte("refund_of,time,product_id,refund_amount\n1,2023-05-14,a,1\n1,2023-05-15,a,1\n1,2023-05-14,b,2\n"), asked)
	if err != nil || len(reports) != 2 || len(reports[0].Refund.Lines) != 2 || len(reports[1].Refund.Lines) != 1 {
		t.Errorf("%+v, %v", reports, err)
	}
}

// An order of a day is at its end, so that a click of that day is before it, but
// not in the future. A refund's day stays the same whenever its file is sent.
func TestCSVDays(t *testing.T) {
	const text = "order_id,time,revenue,refund_of\n1,DAY,12.50,\n,DAY,1,1\n"
	for _, c := range []struct{ day, want, refund string }{
		{"2023-05-14", "2023-05-14T23:59:59.999Z", "2023-05-14T00:00:00Z"},
		{"2023-05-20", "2023-05-20T09:30:00.5Z", "2023-05-20T00:00:00Z"},
		{"2023-05-21", "2023-05-21T00:00:00Z", "2023-05-21T00:00:00Z"},
		{"2023-05-14 00:00", "2023-05-14T00:00:00Z", "2023-05-14T00:00:00Z"},
		{"2023-05-14T00:00:00Z", "2023-05-14T00:00:00Z", "2023-05-14T00:00:00Z"},
	} {
		o := asked
		o.Now = time.Date(2023, 5, 20, 9, 30, 0, 500e6, time.UTC)
		reports, err := ReadCSV([]byte(strings.ReplaceAll(text, "DAY", c.day)), o)
		if err != nil || len(reports) != 2 {
			t.Fatalf("%s: %v", c.day, err)
		}
		if got := reports[0].Time.Format(time.RFC3339Nano); got != c.want {
			t.Errorf("an order of %s is at %s; want %s", c.day, got, c.want)
		}
		if got := reports[1].Time.Format(time.RFC3339Nano); got != c.refund {
			t.Errorf("a refund of %s is at %s; want %s", c.day, got, c.refund)
		}
	}
}

func TestCSVFaults(t *testing.T) {
	const head = "order_id,time,product_id,net,revenue,refund_of,refund_amount\n"
	for _, c := range []struct{ text, want string }{
		{"", "line 1 is no header"},
		{"order_id,price,cost\n", `line 1 has the column "cost"`},
		{"order_id,order_id\n", `line 1 has the column "order_id"`},
		{head + "1,2023-05-14,a\n", "line 2 wrong number of fields"},
		{head + "1,2023-05-14,\"a,1,,,\n", "line 2 "},
		{head + ",2023-05-14,a,1,,,\n", "line 2, order_id is missing"},
		{head + "1,,a,1,,,\n", "line 2, time is missing"},
		{head + "1,14.5.2023,a,1,,,\n", "line 2, time is no time"},
		{head + "1,2023-05-14,a,1,,,\n2,2023-05-14,b,x,,,\n", "line 3, net is no decimal number"},
		{head + "1,2023-05-14,a,1,,,\n\n1,2023-05-14,b,x,,,\n", "line 4, net is no decimal number"},
		{head + "1,2023-05-14,a,1,,,\n1,2023-05-15,b,1,,,\n", "line 3, time is not what line 2"},
		{head + "1,2023-05-14,a,1,,1,\n", "line 2, refund_of is of a refund"},
		{head + "1,2023-05-14,a,1,,,5\n", "line 2, refund_of is missing"},
		{head + ",2023-05-14,,,,1,0\n", "line 2, revenue of a refund is 0"},
		{head + "1,2023-05-14,,,,,\n", "line 2, products are missing"},
		{head + strings.Repeat("1,2023-05-14,a,1,,,\n", maxRows+1), "file has more than 20000 rows"},
		{strings.Repeat("x", MaxFile+1), "file has more than 4 MiB"},
		{head + "\xff,2023-05-14,a,1,,,\n", "line 2, order_id is not valid UTF-8"},
	} {
		reports, err := ReadCSV([]byte(c.text), asked)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || reports != nil {
			t.Errorf("%.80q: %v; want %s", c.text, err, c.want)
		}
	}
	// All faults are told at once, up to a number.
	_, err := ReadCSV([]byte(head+strings.Repeat(",2023-05-14,a,1,,,\n", 30)), asked)
	if n := len(strings.Split(fmt.Sprint(err), "\n")); n != maxFaults {
		t.Errorf("%d faults are told of 30", n)
	}
}
