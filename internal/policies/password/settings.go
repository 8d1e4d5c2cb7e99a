package password

import (
	"encoding/json"
	"math"

	"github.com/portcullis-idp/portcullis/internal/idp"
	"github.com/portcullis-idp/portcullis/internal/policies/password/strength"
	"github.com/portcullis-idp/portcullis/internal/policy"
)

// Settings are the settings of a password policy. Three checks, each of which may
// be on or off, run in this order: static rules, breaches, strength.
type Settings struct {
	PasswordField string `json:"password_field" help:"Which answer is the password: the field key of its prompt, or a value of the flow's context."`

	CheckStaticRules bool   `json:"check_static_rules" label:"Check static rules" help:"Count characters."`
	LengthMin        int    `json:"length_min" label:"Minimum length" min:"0" help:"At least this many characters."`
	AmountUppercase  int    `json:"amount_uppercase" label:"Upper-case letters" min:"0" help:"At least this many upper-case letters."`
	AmountLowercase  int    `json:"amount_lowercase" label:"Lower-case letters" min:"0" help:"At least this many lower-case letters."`
	AmountDigits     int    `json:"amount_digits" label:"Digits" min:"0" help:"At least this many digits."`
	AmountSymbols    int    `json:"amount_symbols" label:"Symbols" min:"0" help:"At least this many symbols."`
	SymbolCharset    string `json:"symbol_charset" label:"Characters that are symbols" help:"The characters that count as symbols."`
	ErrorMessage     string `json:"error_message" help:"What people read when a password breaks these rules. Empty: the rules themselves."`

	CheckHaveIBeenPwned bool `json:"check_have_i_been_pwned" label:"Refuse breached passwords" help:"Refuse passwords that are in the server's list of breached passwords, a local copy. Nothing is asked over the network; without a list the policy gives no answer and the binding's failure result holds."`
	HIBPAllowedCount    int  `json:"hibp_allowed_count" label:"Allowed breaches" min:"0" help:"A password may have been breached this many times."`

	CheckZxcvbn          bool `json:"check_zxcvbn" label:"Estimate the strength" help:"Estimate how hard the password is to guess (zxcvbn), also for whoever knows the person's name, addresses and the name of the site. The first 100 characters count."`
	ZxcvbnScoreThreshold int  `json:"zxcvbn_score_threshold" label:"The strength must be above" min:"0" help:"From 0 (guessed at once) to 4: with 2, estimates of 3 and 4 pass; with 4 nothing does."`
}

// Defaults returns the settings of a policy that says nothing else.
func Defaults() *Settings {
	return &Settings{
		PasswordField:        "password",
		CheckStaticRules:     true,
		SymbolCharset:        "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ",
		ZxcvbnScoreThreshold: 2,
	}
}

func decode(settings json.RawMessage) (*Settings, error) {
	s := Defaults()
	if err := policy.DecodeSettings(settings, s); err != nil {
		return nil, err
	}
	var faults idp.Faults
	faults.Line("password_field", s.PasswordField, 200, false)
	faults.Text("symbol_charset", s.SymbolCharset, 1000, true)
	faults.Text("error_message", s.ErrorMessage, 2000, true)
	for field, n := range map[string]int{"length_min": s.LengthMin, "amount_uppercase": s.AmountUppercase,
		"amount_lowercase": s.AmountLowercase, "amount_digits": s.AmountDigits, "amount_symbols": s.AmountSymbols,
		"hibp_allowed_count": s.HIBPAllowedCount} {
		atMost(&faults, field, n, math.MaxInt32)
	}
	atMost(&faults, "zxcvbn_score_threshold", s.ZxcvbnScoreThreshold, strength.MaxScore)
	if s.CheckStaticRules && s.AmountSymbols > 0 && s.SymbolCharset == "" {
		faults.Add("symbol_charset", "This field is required with amount_symbols.")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return s, nil
}

func atMost(faults *idp.Faults, field string, n, most int) {
	switch {
	case n < 0:
		faults.Add(field, "Ensure this value is greater than or equal to 0.")
	case n > most:
		faults.Add(field, "Ensure this value is less than or equal to %d.", most)
	}
}
