// Package secret lists the headers with credentials and finds parts of secret texts in
// other texts.
package secret

// Headers returns the canonical names of request headers whose values must not be
// shown. The email of the vendor's older scheme is part of the credentials and personal
// data.
func Headers() []string {
	return []string{"Authorization", "Proxy-Authorization", "X-Auth-Key", "X-Auth-Email", "Cookie"}
}
