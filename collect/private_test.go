package collect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/valyala/fastjson"
)

func TestPrivateKeys(t *testing.T) {
	for _, key := range strings.Fields(`
		ip IP Ip $ip _ip ip_ ips IPs ip4 ip6 ipv4 IPv4 ipv6 ip_v4 ip-address ip_address ipAddress IPAddress IP_ADDRESS ipaddress ipaddr ip_addr
		ip_addresses ipv4Address ipv6Address IPv6Address ipv4_addr ipaddressv4 ip_list ip_hash ip_raw ipOverride
		userIp userIP user_ip userip USERIP USER_IP user_ipaddress sourceIp source_ip sourceip srcIp src_ip srcip dst_ip dest_ip clientIp
		clientip CLIENTIP CLIENT_IP client_ip_address clientIpAddress clientAddress client_address client-addr client_ips clientIPs clientIPv4
		peerIp peer_ip peerAddress net.peer.ip net.sock.peer.addr network.peer.address hostIp host_ip hostip serverIp serverip remoteIp
		remote_ip remote_addr REMOTE_ADDR remoteAddress remote-address remote_host REMOTE_HOST remoteHost client_host peerHost last_login_ip
		lastLoginIp loginip signup_ip visitorIp visitorip requestIp req_ip publicIp externalIp local_ip lanip myip podIP geo_ip geoip
		x-forwarded-for X-Forwarded-For xForwardedFor x_forwarded_for HTTP_X_FORWARDED_FOR x-original-forwarded-for forwarded Forwarded
		forwarded-for x-vercel-forwarded-for x-vercel-proxied-for x-forwarded x-real-ip X-Real-IP xRealIp x-client-ip x-cluster-client-ip
		fastly-client-ip fly-client-ip cf-connecting-ip CF-Connecting-IPv6 cf-pseudo-ipv4 true-client-ip True-Client-IP do-connecting-ip
		x-appengine-user-ip x-azure-clientip x-azure-socketip x-envoy-external-address x-nf-client-connection-ip incap-client-ip
		ali-cdn-real-ip wl-proxy-client-ip proxy-client-ip x-originating-ip x-remote-addr x-proxyuser-ip HTTP_CLIENT_IP c-ip cip _cip uip _uip
		userAgent user_agent User-Agent HTTP_USER_AGENT useragent $user_agent $raw_user_agent rawUserAgent userAgentData user_agent_string
		client_user_agent user_agent.original browserUserAgent ua UA _ua $ua ua_string uaData client_ua sec-ch-ua Sec-CH-UA-Full-Version-List`) {
		if !private([]byte(key)) {
			t.Errorf("%s is kept", key)
		}
	}
	if long := strings.Repeat("very_", 20) + "last_ip"; !private([]byte(long)) {
		t.Errorf("%s is kept", long)
	}
	for _, key := range strings.Fields(`
		a p i recipe ship shipping shipAddress shipaddress shipping_address ship_addr membership ownership tip tips tip_amount equip equipment
		zip zipcode zip_code ZIP ZIPCode zipCode iPad ipad iPhone iPod ipadOS IPTV ipsum lorem_ipsum description script transcript subscription
		clip clips chip VIP vip is_vip isVip skip trip strip flip grip snippet pip hip relationship gossip manuscript multiple principal
		VoIP voip voice_over_ip TCP/IP tcp_ip ip_country ipCountry ip_city ip_version ip67 IP68 ip_rating email address addresses
		billing_address user_address email_address postalAddress add adder addresslineOne address1 mac_address quantity language equal
		title_ua name_ua uah dua actual manual agent agency travel_agent page campaign engagement forward forwarding forwarder award software
		x-forwarded-proto x-forwarded-host host hostname ghost photos applied copied source sourceId source_host client client_id remote
		remote_control network peer server via`) {
		if private([]byte(key)) {
			t.Errorf("%s is dropped", key)
		}
	}
	if n := testing.AllocsPerRun(100, func() { private([]byte("x-original-forwarded-for")); private([]byte("description")) }); n > 0 {
		t.Errorf("judging a key allocates %v times", n)
	}
}

func TestAddressValues(t *testing.T) {
	for _, x := range []struct {
		text    string
		address bool
	}{
		{"203.0.113.9", true}, {" 203.0.113.9 ", true}, {"203.0.113.9:8080", true}, {"2001:db8::7", true}, {"[2001:DB8::7]:443", true},
		{"[2001:db8::7]", true}, {"fe80::1%eth0", true}, {"::1", true}, {"::ffff:203.0.113.9", true}, {"203.0.113.9, 10.0.0.1", true},
		{"", false}, {"1.84.3", false}, {"next-1.84.3", false}, {"120.0.6099.129", false}, {"12:30:45", false}, {"00:1b:44:11:3a:b7", false},
		{"2026-11-20T22:00:00.123Z", false}, {"203.0.113.9 is mine", false}, {"https://203.0.113.9/", false}, {"de", false}, {"a.b.c.d", false},
	} {
		if got := isAddress(fastjson.MustParse(fmt.Sprintf("%q", x.text))); got != x.address {
			t.Errorf("%q: %v", x.text, got)
		}
	}
}

// TestAddressesEnd sends addresses under every sort of key and place: what is
// kept or set aside of them is what the site told as its own property.
func TestAddressesEnd(t *testing.T) {
	const context = `{"seen_from":"203.0.113.9","network":{"gw":"2001:db8::7","path":["203.0.113.10","203.0.113.11:80","wifi"]},"app":{"version":"4.2.0.1"},"os":{"Version":"10.0.0.1"},"n":[1,2]}`
	const kept = `{"network":{"path":["wifi"]},"app":{"version":"4.2.0.1"},"os":{"Version":"10.0.0.1"},"n":[1,2]}`
	w := newWorld(Site{}, nil)
	rec := w.post("/v1/batch", `{"context":{"edge":"203.0.113.12","locale":"de"},"batch":[
		{"type":"track","event":"x","properties":{"sku":"10.0.0.1","$ip":"203.0.113.9","deep":[{"user_ip":"203.0.113.9","recipe":"r"}]},"context":`+context+`},
		{"type":"track","properties":{"sku":"10.0.0.1","source_ip":"203.0.113.9"},"context":`+context+`},
		{"type":"track","event":"y","properties":{"sku":"10.0.0.1"}}]}`)
	if rec.Code != 200 || len(w.events) != 2 || len(w.refused) != 2 {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if e := w.events[0]; e.Properties != `{"sku":"10.0.0.1","deep":[{"recipe":"r"}]}` || e.Context != kept[:len(kept)-1]+`,"locale":"de"}` {
		t.Errorf("kept %s and %s", e.Properties, e.Context)
	}
	if e := w.events[1]; e.Properties != `{"sku":"10.0.0.1"}` || e.Context != `{"locale":"de"}` {
		t.Errorf("kept of the next %s and %s", e.Properties, e.Context)
	}
	if want := `{"type":"track","properties":{"sku":"10.0.0.1"},"context":` + kept + `}`; w.refused[1] != want {
		t.Errorf("set aside %s\n     want %s", w.refused[1], want)
	}
}

func BenchmarkPrivate(b *testing.B) {
	var keys [][]byte
	for _, k := range strings.Fields("type messageId anonymousId name originalTimestamp sentAt properties path referrer search title url category context page userAgent locale library version campaign source description") {
		keys = append(keys, []byte(k))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, k := range keys {
			private(k)
		}
	}
}
