package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/certuse/cloudflare-mtls/api"
)

// profile names accounts, the sources to read, and the environment variables that hold
// the credentials for them. It never holds a credential.
type profile struct {
	Accounts    []string `yaml:"accounts"`
	Sources     []string `yaml:"sources"`
	APITokenEnv string   `yaml:"api_token_env"`
	EmailEnv    string   `yaml:"email_env"`
	APIKeyEnv   string   `yaml:"api_key_env"`
}

// configFile returns the path of the file that holds the profiles.
func configFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", usagef("there is no directory for config.yaml: %w", err)
	}
	return filepath.Join(dir, "certuse", "config.yaml"), nil
}

// readProfiles reads the config file and checks all profiles. No message repeats a
// value, because it may be a credential put there by mistake.
func readProfiles(path string) (map[string]profile, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a pipe would block
		return nil, usagef("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("there are no profiles: %s does not exist; see 'certuse help environment'", path)
	} else if err != nil {
		return nil, usagef("cannot read the profiles: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	var config struct {
		Profiles map[string]profile `yaml:"profiles"`
	}
	documents := yaml.NewDecoder(file)
	documents.KnownFields(true)
	if err := documents.Decode(&config); err != nil && !errors.Is(err, io.EOF) {
		return nil, usagef("%s: %s", path, yamlProblem(err))
	}
	if !errors.Is(documents.Decode(new(yaml.Node)), io.EOF) {
		return nil, usagef("%s: more than one YAML document", path)
	}
	if len(config.Profiles) == 0 {
		return nil, usagef("there are no profiles in %s; see 'certuse help environment'", path)
	}
	for _, name := range slices.Sorted(maps.Keys(config.Profiles)) {
		if name == "" { // --profile cannot select it
			return nil, usagef("%s: a profile has an empty name", path)
		}
		if err := config.Profiles[name].check(); err != nil {
			return nil, usagef("%s: profile %s: %w", path, withoutCredential(name), err)
		}
	}
	return config.Profiles, nil
}

// yamlProblem describes the error and its line. The library's own text quotes the
// file.
func yamlProblem(err error) string {
	text := err.Error()
	if wrong, ok := errors.AsType[*yaml.TypeError](err); ok && len(wrong.Errors) > 0 {
		text = wrong.Errors[0]
	}
	problem := "is not valid YAML"
	for part, words := range map[string]string{
		" not found in type ": "has an unknown key", "cannot unmarshal ": "has a value of another kind", "already defined": "has a key a second time",
	} {
		if strings.Contains(text, part) {
			problem = words
		}
	}
	line := regexp.MustCompile(`line \d+`).FindString(text)
	return strings.TrimSpace(line+" "+problem) + ": see 'certuse help environment'"
}

// variableName matches no credential, because tokens and keys have small letters.
var variableName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

func (p profile) check() error {
	for key, name := range map[string]string{"api_token_env": p.APITokenEnv, "email_env": p.EmailEnv, "api_key_env": p.APIKeyEnv} {
		if name != "" && !variableName.MatchString(name) {
			return fmt.Errorf("%s is the name of an environment variable, in capital letters, digits and '_'; a credential does not belong in this file", key)
		}
	}
	if pair := p.EmailEnv != "" && p.APIKeyEnv != ""; pair == (p.APITokenEnv != "") || !pair && p.EmailEnv+p.APIKeyEnv != "" {
		return errors.New("give api_token_env, or email_env and api_key_env")
	}
	if len(p.Accounts) == 0 {
		return errors.New("accounts has no account id")
	}
	for i, account := range p.Accounts {
		if err := checkAccount(fmt.Sprintf("account %d", i+1), account); err != nil {
			return err
		}
	}
	for i, source := range p.Sources {
		if !slices.Contains(allSourceNames(), source) {
			return fmt.Errorf("source %d is none of %s", i+1, strings.Join(allSourceNames(), ", "))
		}
	}
	return nil
}

// connectProfiles creates the clients of the named profiles, one for each set of
// credentials, and selects their accounts.
func (c *connection) connectProfiles(sys system, opts []api.Option) (*service, error) {
	path, err := configFile()
	if err != nil {
		return nil, err
	}
	profiles, err := readProfiles(path)
	if err != nil {
		return nil, err
	}
	s := &service{profiles: map[string]access{}}
	clients, owners := map[variables]*api.Client{}, map[string]string{}
	for _, name := range c.profiles {
		p, ok := profiles[name]
		if !ok {
			known := namesOf(profiles)
			return nil, usagef("--profile: there is no profile %q in %s%s: use one of %s", withoutCredential(name), path, didYouMean(name, known), cmp.Or(strings.Join(known, ", "), "those in the file"))
		}
		v := variables{p.APITokenEnv, p.EmailEnv, p.APIKeyEnv}
		client := clients[v.values(sys.getenv)]
		if client == nil {
			if client, err = v.connect(sys.getenv, opts); err != nil {
				return nil, usagef("profile %s: %w", withoutCredential(name), err)
			}
			clients[v.values(sys.getenv)] = client
		}
		for _, account := range p.Accounts {
			if owner, known := owners[account]; known && owner != name {
				return nil, usagef("--profile: account %s is in %s and in %s: give one of them", account, withoutCredential(owner), withoutCredential(name))
			} else if !known {
				s.accounts = append(s.accounts, account)
			}
			owners[account] = name
			s.profiles[account] = access{client, sourcesOf(p.Sources)}
		}
	}
	for _, account := range c.accounts {
		if _, err := s.access(account); err != nil {
			return nil, err
		}
	}
	if len(c.accounts) > 0 {
		s.accounts = c.accounts
	}
	s.close = func() {
		for _, client := range clients {
			client.CloseIdleConnections()
		}
	}
	return s, nil
}

// profileNames returns the names of the profiles, none if they cannot be read.
func profileNames() []string {
	path, err := configFile()
	if err != nil {
		return nil
	}
	profiles, _ := readProfiles(path)
	return namesOf(profiles)
}

// namesOf returns the sorted names, without those that look like a credential.
func namesOf(profiles map[string]profile) []string {
	mayBeCredential := func(name string) bool { return withoutCredential(name) != name }
	return slices.DeleteFunc(slices.Sorted(maps.Keys(profiles)), mayBeCredential)
}
