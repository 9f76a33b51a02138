// Package secret names the headers that carry credentials and finds parts of
// secret texts in other texts, for the client and the packages around it that show
// or keep requests.
package secret

// Headers returns the canonical names of request headers whose values must not
// be shown. The email of the vendor's older scheme is one half of a pair and
// personal besides.
func Headers() []string {
	return []string{"Authorization", "Proxy-Authorization", "X-Auth-Key", "X-Auth-Email", "Cookie"}
}
