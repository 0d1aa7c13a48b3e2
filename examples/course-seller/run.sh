#!/bin/sh
# A course seller's affiliate programme, played on a server that runs
# (FOOTFALL_DATA is its data directory) or on a fresh one that ends with this
# script. FOOTFALL names the binary. Needs curl and openssl.
set -eu

FOOTFALL=${FOOTFALL:-footfall}
browser='Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
work=$(mktemp -d)
server=
leave() {
	if [ -n "$server" ]; then kill "$server" && wait "$server" || :; fi
	rm -rf "$work"
}
trap leave EXIT
trap 'exit 1' HUP INT TERM

say() { printf '\n== %s\n' "$*"; }
fail() { echo "run.sh: $*" >&2; exit 1; }
# text NAME reads the text of that name out of JSON.
text() { sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'; }

if [ -z "${FOOTFALL_DATA:-}" ]; then
	FOOTFALL_DATA=$work/data
	export FOOTFALL_DATA
	"$FOOTFALL" serve --listen 127.0.0.1:0 >"$work/log" 2>&1 &
	server=$!
	tries=0
	until grep -q '^Dashboard: ' "$work/log"; do
		tries=$((tries + 1))
		if [ $tries -gt 60 ] || ! kill -0 "$server" 2>/dev/null; then cat "$work/log" >&2; fail "the server did not start"; fi
		sleep 0.5
	done
fi
test "$("$FOOTFALL" program list --json)" = '[]' ||
	fail "this server has an affiliate programme already, and codes are never given again: take another data directory"

say "A programme of two sites: half of what an order brings, at once (a real one waits for 30 days or so)"
for domain in courses workshops; do
	"$FOOTFALL" site add $domain.example --currency EUR --json >"$work/$domain"
done
"$FOOTFALL" program set Courses --site courses.example,workshops.example --rate 50% --hold 0 --min-payout 30EUR
for name in Anna Ben Cleo; do
	email=$(echo "$name" | tr ABC abc)@example.com
	coupon=$(echo "$name" | tr a-z A-Z)15
	"$FOOTFALL" affiliate add "$email" --name "$name" --site courses.example --json >/dev/null
	"$FOOTFALL" affiliate set "$email" --site courses.example --payout "$name's account" >/dev/null
	"$FOOTFALL" code add "$name" --affiliate "$email" --site courses.example --landing https://courses.example/go
	"$FOOTFALL" code add "$coupon" --affiliate "$email" --site courses.example --coupon
done

say "Each shop signs its webhooks with a secret of its own"
paddle_secret=$(openssl rand -hex 24)
lemon_secret=$(openssl rand -hex 24)
printf %s "$paddle_secret" | "$FOOTFALL" shop set paddle --site courses.example --secret-file - --json >"$work/paddle"
printf %s "$lemon_secret" | "$FOOTFALL" shop set lemonsqueezy --site workshops.example --secret-file - --json >"$work/lemon"
paddle=$(text url <"$work/paddle")
lemon=$(text url <"$work/lemon")
address=${paddle%/hooks/*}
echo "Paddle to $paddle, Lemon Squeezy to $lemon"

hmac() { openssl dgst -sha256 -hmac "$1" | sed 's/.* //'; }
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
# paddle MESSAGE and lemon MESSAGE send what the shops would, signed as they do.
paddle() {
	at=$(date +%s)
	curl -sS --fail-with-body "$paddle" -H "Paddle-Signature: ts=$at;h1=$(printf '%s:%s' "$at" "$1" | hmac "$paddle_secret")" --data-raw "$1"
}
lemon() { curl -sS --fail-with-body "$lemon" -H "X-Signature: $(printf %s "$1" | hmac "$lemon_secret")" --data-raw "$1"; }
# view VISITOR PAGE sends a page view of an hour ago, as the snippet does.
view() {
	curl -sS --fail-with-body "$address/v1/page" -H 'Content-Type: application/json' -A "$browser" --data-raw "{
		\"writeKey\":\"$(text write_key <"$work/courses")\",\"messageId\":\"view-$1\",\"anonymousId\":\"$1\",
		\"originalTimestamp\":\"2026-01-01T12:00:00Z\",\"sentAt\":\"2026-01-01T13:00:00Z\",
		\"context\":{\"page\":{\"url\":\"https://courses.example/$2\"}}}"
	echo
}

say "Clicks: Kim and Lou came by Anna's link an hour ago, somebody follows Cleo's now"
view kim 'go?ref=Anna'
view lou 'go?ref=Anna'
landing=$(curl -sS -o "$work/page" -w '%{redirect_url}' -A "$browser" "$address/r/Cleo")
click=$(printf %s "$landing" | sed -n 's/.*[?&]cid=\([0-9A-Za-z]*\).*/\1/p')
echo "Cleo's link leads to $landing"
test -n "$click" || fail "the link carries no click"
sleep 1 # an order that is before its click in the queue is Anna's a moment later

say "Paddle: Kim buys the Go course for 100.00 without tax. Anna earns 50.00"
paddle '{"event_type":"transaction.completed","occurred_at":"'"$(now)"'","data":{"id":"txn_1","customer_id":"ctm_kim","currency_code":"EUR",
	"custom_data":{"anonymous_id":"kim"},"details":{"totals":{"total":"11900"},"line_items":[
	{"id":"txnitm_1","quantity":1,"totals":{"subtotal":"10000","discount":"0"},"product":{"id":"go","name":"Go course"}}]}}}'

say "Paddle: two courses with the coupon BEN15, 170.00 and 42.50 after 15 % off. Ben earns 85.00 + 21.25"
order='{"event_type":"transaction.completed","occurred_at":"'"$(now)"'","data":{"id":"txn_2","customer_id":"ctm_2","currency_code":"EUR",
	"custom_data":{"coupon":"BEN15"},"details":{"totals":{"total":"25288"},"line_items":[
	{"id":"txnitm_2","quantity":2,"totals":{"subtotal":"20000","discount":"3000"},"product":{"id":"go","name":"Go course"}},
	{"id":"txnitm_3","quantity":1,"totals":{"subtotal":"5000","discount":"750"},"product":{"id":"sql","name":"SQL course"}}]}}}'
paddle "$order"
echo "Paddle sends it again, as shops do: a duplicate, nothing is earned twice"
paddle "$order"

# bought NUMBER NET TAX CUSTOM is an order of a workshop in Lemon Squeezy, in cents.
bought() {
	lemon '{"meta":{"event_name":"order_created","custom_data":'"$4"'},"data":{"id":"'"$1"'","attributes":{"currency":"EUR","status":"paid",
		"tax":'"$3"',"total":'"$(($2 + $3))"',"user_email":"customer-'"$1"'@example.com","created_at":"'"$(now)"'",
		"first_order_item":{"id":"item-'"$1"'","product_id":"workshop","product_name":"Workshop","quantity":1}}}}'
}
say "Lemon Squeezy: Lou came by Anna's link on the other site, and has BEN15: the coupon wins. Ben earns half of 85.00"
bought 901 8500 1615 '{"anonymous_id":"lou","coupon":"BEN15"}'
say "Lemon Squeezy: ANNA15 without a click. Anna earns half of 85.00"
bought 902 8500 1615 '{"coupon":"ANNA15"}'
say "Lemon Squeezy: who followed Cleo's link buys for 199.00, and the checkout carried the click along. Cleo earns 99.50"
sleep 5 # what is bought within 5 s of the click is flagged and held
bought 903 19900 3781 '{"affiliate_cid":"'"$click"'"}'

say "Paddle: a quarter of the 170.00 is given back, 42.50. Ben loses 21.25"
paddle '{"event_type":"adjustment.updated","occurred_at":"'"$(now)"'","data":{"id":"adj_1","action":"refund","type":"partial","status":"approved",
	"transaction_id":"txn_2","currency_code":"EUR","items":[{"item_id":"txnitm_2","totals":{"subtotal":"4250"}}]}}'
say "Lemon Squeezy: a fifth of Anna's 101.15 with tax is given back. Anna loses 8.50"
lemon '{"meta":{"event_name":"order_refunded"},"data":{"id":"902","attributes":{"currency":"EUR","status":"partial_refund","tax":1615,"total":10115,
	"refunded_amount":2023,"created_at":"'"$(now)"'","refunded_at":"'"$(now)"'"}}}'
say "Paddle: Kim's bank warns that the 100.00 are asked back. Anna's 50.00 are held"
paddle '{"event_type":"adjustment.created","occurred_at":"'"$(now)"'","data":{"id":"adj_2","action":"chargeback_warning","type":"full","status":"approved",
	"transaction_id":"txn_1","currency_code":"EUR"}}'

say "Expected: Anna 34.00 available and 50.00 held, Ben 127.50 available, Cleo 99.50 available"
"$FOOTFALL" affiliate list --site courses.example

say "Payout: 34.00, 127.50 and 99.50. See, approve, and the file for the bank"
"$FOOTFALL" payout preview --site courses.example
"$FOOTFALL" payout approve --site courses.example
"$FOOTFALL" payout csv --site courses.example | tee "$work/payouts.csv"
ben=$(sed -n "s/,.*,Ben,.*//p" "$work/payouts.csv")
"$FOOTFALL" payout sent "$ben" --reference wise-4711
"$FOOTFALL" payout paid "$ben"
"$FOOTFALL" payout statement "$ben"

say "After the payout Cleo's customer gets everything back: -99.50 goes off Cleo's next payout"
lemon '{"meta":{"event_name":"order_refunded"},"data":{"id":"903","attributes":{"currency":"EUR","status":"refunded","tax":3781,"total":23681,
	"refunded_amount":23681,"created_at":"'"$(now)"'","refunded_at":"'"$(now)"'"}}}'

say "In the end: Anna 34.00 in payout and 50.00 held, Ben 127.50 paid, Cleo 99.50 in payout and -99.50 available"
"$FOOTFALL" affiliate list --site courses.example
if [ -n "$server" ]; then
	echo "The server ends now. To look around, start one first: footfall serve --data DIR, then FOOTFALL_DATA=DIR $0"
else
	echo "Log in and see it: footfall login, then Affiliates"
fi
