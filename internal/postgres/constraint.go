package postgres

import (
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/portcullis-idp/portcullis/internal/idp"
)

// What people are told; the wording is that of published clients' server.
const (
	notUnique = "This field must be unique."
	blank     = "This field may not be blank."
	noChoice  = "This is not a valid choice."
	noObject  = "Invalid pk “%s”: the object does not exist."
	notAnObj  = "Expected a JSON object."
)

// rule is what a broken constraint means. An empty code is CodeInvalid.
type rule struct {
	field   string // as on the wire; "" = no single field
	message string
	code    idp.Code
}

// rules answers for every named constraint and unique index of the schema; a
// test compares it with the catalogue.
var rules = map[string]rule{
	"users_uuid_key":                   {field: "uuid", message: notUnique},
	"users_username_key":               {field: "username", message: notUnique},
	"users_username_blank":             {field: "username", message: blank},
	"users_username_length":            {field: "username", message: "Ensure this field has no more than 150 characters."},
	"users_email_length":               {field: "email", message: "Ensure this field has no more than 254 characters."},
	"users_path_blank":                 {field: "path", message: blank},
	"users_type_choice":                {field: "type", message: noChoice},
	"users_attributes_object":          {field: "attributes", message: notAnObj},
	"groups_name_key":                  {field: "name", message: notUnique},
	"factors_user_fkey":                {field: "user", message: noObject},
	"factors_kind":                     {field: "kind", message: noChoice},
	"factors_name":                     {field: "name", message: blank},
	"factors_num_key":                  {field: "pk", message: notUnique},
	"factors_credential_id_key":        {message: "This passkey is registered already.", code: idp.CodeConflict},
	"factor_codes_factor_fkey":         {field: "factor", message: noObject},
	"factor_codes_digest_length":       {field: "codes", message: "Must be digests of 32 bytes."},
	"factor_proofs_factor_fkey":        {field: "factor", message: noObject},
	"factor_proofs_browser_length":     {field: "browser", message: "Must be a digest of 32 bytes."},
	"groups_name_blank":                {field: "name", message: blank},
	"groups_num_pk_key":                {field: "num_pk", message: notUnique},
	"groups_attributes_object":         {field: "attributes", message: notAnObj},
	"group_parents_pkey":               {field: "parents", message: "A group is named twice."},
	"group_parents_self":               {field: "parents", message: ownAncestor},
	"group_parents_group_fkey":         {code: idp.CodeNotFound, message: "No group matches."},
	"group_parents_parent_fkey":        {field: "parents", message: noObject},
	"group_users_pkey":                 {field: "users", message: "A user is named twice."},
	"group_users_group_fkey":           {field: "groups", message: noObject},
	"group_users_user_fkey":            {field: "users", message: noObject},
	"sessions_user_fkey":               {field: "user", message: noObject},
	"sessions_digest_key":              {code: idp.CodeConflict, message: "The session exists already."},
	"sessions_digest_length":           {code: idp.CodeInternal, message: "A session's digest has the wrong length."},
	"sessions_idle_timeout_positive":   {field: "idle_timeout", message: "Ensure this value is greater than or equal to 0."},
	"sessions_network_binding_choice":  {field: "network_binding", message: noChoice},
	"sessions_geoip_binding_choice":    {field: "geoip_binding", message: noChoice},
	"sessions_device_fkey":             {code: idp.CodeNotFound, message: "No known device matches."},
	"known_devices_user_fkey":          {field: "user", message: noObject},
	"session_ends_user_fkey":           {field: "user", message: noObject},
	"known_devices_digest_length":      {code: idp.CodeInternal, message: "A device's digest has the wrong length."},
	"known_devices_digest_key":         {code: idp.CodeConflict, message: "The device is known already."},
	"event_seals_event_key":            {code: idp.CodeConflict, message: "The event is sealed already."},
	"lockouts_subject_key":             {code: idp.CodeConflict, message: "There is a lockout in force already."},
	"locks_target_empty":               {message: "at least one target field must be set"},
	"roles_name_key":                   {field: "name", message: notUnique},
	"roles_name_blank":                 {field: "name", message: blank},
	"role_users_role_fkey":             {field: "roles", message: noObject},
	"role_users_user_fkey":             {field: "users", message: noObject},
	"role_groups_role_fkey":            {field: "roles", message: noObject},
	"role_groups_group_fkey":           {field: "groups", message: noObject},
	"tokens_identifier_key":            {field: "identifier", message: notUnique},
	"tokens_identifier_blank":          {field: "identifier", message: blank},
	"tokens_identifier_length":         {field: "identifier", message: "Ensure this field has no more than 255 characters."},
	"tokens_intent_choice":             {field: "intent", message: noChoice},
	"tokens_user_fkey":                 {field: "user", message: noObject},
	"tokens_digest_key":                {field: "key", message: notUnique},
	"tokens_digest_length":             {code: idp.CodeInternal, message: "A token's digest has the wrong length."},
	"tokens_managed_key":               {field: "managed", message: notUnique},
	"tokens_expiry":                    {field: "expires", message: "A token that expires needs a date."},
	"token_keys_token_fkey":            {code: idp.CodeNotFound, message: "No token matches."},
	"flows_name_blank":                 {field: "name", message: blank},
	"flows_slug_key":                   {field: "slug", message: notUnique},
	"flows_slug_form":                  {field: "slug", message: "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens."},
	"flows_policy_mode_choice":         {field: "policy_engine_mode", message: noChoice},
	"stages_name_key":                  {field: "name", message: notUnique},
	"stages_name_blank":                {field: "name", message: blank},
	"stages_kind_blank":                {field: "kind", message: blank},
	"stages_settings_object":           {field: "settings", message: notAnObj},
	"flow_bindings_flow_fkey":          {field: "target", message: noObject},
	"flow_bindings_stage_fkey":         {field: "stage", message: noObject},
	"flow_bindings_order_key":          {message: "The fields target, stage, order must make a unique set."},
	"prompts_name_key":                 {field: "name", message: notUnique},
	"prompts_name_blank":               {field: "name", message: blank},
	"prompts_field_key_blank":          {field: "field_key", message: blank},
	"runs_browser_length":              {code: idp.CodeInternal, message: "A browser's digest has the wrong length."},
	"runs_flow_fkey":                   {code: idp.CodeNotFound, message: "No flow matches."},
	"runs_browser_flow_key":            {code: idp.CodeConflict, message: "The flow is under way already."},
	"notification_rules_name_key":      {field: "name", message: notUnique},
	"notification_rules_group_fkey":    {field: "destination_group", message: noObject},
	"transports_name_key":              {field: "name", message: notUnique},
	"transports_body_fkey":             {field: "webhook_mapping_body", message: noObject},
	"transports_headers_fkey":          {field: "webhook_mapping_headers", message: noObject},
	"webhook_mappings_name_key":        {field: "name", message: notUnique},
	"notifications_user_fkey":          {field: "user", message: noObject},
	"deliveries_rule_fkey":             {field: "rule", message: noObject},
	"deliveries_transport_fkey":        {field: "transport", message: noObject},
	"deliveries_user_fkey":             {field: "user", message: noObject},
	"oauth_grants_provider_fkey":       {field: "provider", message: noObject},
	"oauth_grants_application_fkey":    {field: "application", message: noObject},
	"oauth_grants_user_fkey":           {field: "user", message: noObject},
	"oauth_tokens_grant_fkey":          {field: "grant", message: noObject},
	"oauth_tokens_num_key":             {code: idp.CodeConflict, message: "The token exists already."},
	"oauth_tokens_digest_key":          {code: idp.CodeConflict, message: "The token exists already."},
	"oauth_codes_pkey":                 {code: idp.CodeConflict, message: "The code exists already."},
	"oauth_codes_digest_length":        {code: idp.CodeInternal, message: "A code's digest has the wrong length."},
	"oauth_tokens_digest_length":       {code: idp.CodeInternal, message: "A token's digest has the wrong length."},
	"event_blocks_check":               {code: idp.CodeInternal, message: "A block of events ends before it begins."},
	"oauth_codes_num_key":              {code: idp.CodeConflict, message: "The code exists already."},
	"oauth_codes_provider_fkey":        {field: "provider", message: noObject},
	"oauth_codes_user_fkey":            {field: "user", message: noObject},
	"oauth_codes_grant_fkey":           {field: "grant", message: noObject},
	"oauth_requests_digest_key":        {code: idp.CodeConflict, message: "The request exists already."},
	"oauth_requests_provider_fkey":     {field: "provider", message: noObject},
	"oauth_requests_user_fkey":         {field: "user", message: noObject},
	"oauth_devices_digest_key":         {code: idp.CodeConflict, message: "The device exists already."},
	"oauth_devices_user_code_key":      {code: idp.CodeConflict, message: "The code exists already."},
	"oauth_devices_provider_fkey":      {field: "provider", message: noObject},
	"oauth_devices_user_fkey":          {field: "user", message: noObject},
	"signing_keys_pkey":                {code: idp.CodeConflict, message: "The key exists already."},
	"logout_notices_provider_fkey":     {field: "provider", message: noObject},
	"logout_notices_application_fkey":  {field: "application", message: noObject},
	"logout_notices_user_fkey":         {field: "user", message: noObject},
	"logout_notices_lockdown_fkey":     {field: "lockdown", message: noObject},
	"policies_name_key":                {field: "name", message: notUnique},
	"policies_name_blank":              {field: "name", message: blank},
	"policies_kind_blank":              {field: "kind", message: blank},
	"policies_settings_object":         {field: "settings", message: notAnObj},
	"policy_bindings_one_subject":      {message: "Exactly one of policy, group and user must be set."},
	"policy_bindings_order_key":        {message: "The fields policy, target, order must make a unique set."},
	"policy_bindings_policy_fkey":      {field: "policy", message: noObject},
	"policy_bindings_group_fkey":       {field: "group", message: noObject},
	"policy_bindings_user_fkey":        {field: "user", message: noObject},
	"policy_bindings_timeout_positive": {field: "timeout", message: "Ensure this value is greater than or equal to 0."},
	"flow_bindings_action_choice":      {field: "invalid_response_action", message: noChoice},
	"flow_bindings_policy_mode_choice": {field: "policy_engine_mode", message: noChoice},
	"brands_domain_key":                {field: "domain", message: notUnique},
	"brands_domain_blank":              {field: "domain", message: blank},
	"brands_default_key":               {field: "default", message: "Only a single brand can be set as default."},
	"brands_attributes_object":         {field: "attributes", message: notAnObj},
	"brands_flow_authentication_fkey":  {field: "flow_authentication", message: noObject},
	"brands_flow_invalidation_fkey":    {field: "flow_invalidation", message: noObject},
	"brands_flow_recovery_fkey":        {field: "flow_recovery", message: noObject},
	"brands_flow_unenrollment_fkey":    {field: "flow_unenrollment", message: noObject},
	"brands_flow_user_settings_fkey":   {field: "flow_user_settings", message: noObject},
	"brands_flow_device_code_fkey":     {field: "flow_device_code", message: noObject},
	"brands_flow_lockdown_fkey":        {field: "flow_lockdown", message: noObject},
	"events_action_blank":              {field: "action", message: blank},
	"reputations_identifier_key":       {message: "The fields identifier, ip must make a unique set."},
	"blueprints_name_key":              {field: "name", message: notUnique},
	"blueprints_name_blank":            {field: "name", message: blank},
	"blueprints_context_object":        {field: "context", message: notAnObj},
	"blueprints_status_choice":         {field: "status", message: noChoice},
	"blueprints_one_source":            {message: "Either path or content must be set."},
	"invitations_name_form":            {field: "name", message: "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens."},
	"invitations_name_length":          {field: "name", message: "Ensure this field has no more than 255 characters."},
	"invitations_flow_fkey":            {field: "flow", message: noObject},
	"invitations_fixed_data_object":    {field: "fixed_data", message: notAnObj},
	"invitations_created_by_fkey":      {field: "created_by", message: noObject},
	"consents_user_fkey":               {field: "user", message: noObject},
	"consents_application_blank":       {field: "application", message: blank},
	"consents_application_key":         {code: idp.CodeConflict, message: "The consent was given already."},
	"links_user_fkey":                  {field: "user", message: noObject},
	"links_flow_fkey":                  {code: idp.CodeNotFound, message: "No flow matches."},
	"links_stage_fkey":                 {field: "email_stage", message: noObject},
	"links_brand_fkey":                 {field: "brand", message: noObject},
	"links_token_key":                  {code: idp.CodeConflict, message: "The token belongs to another link."},
	"links_token_fkey":                 {code: idp.CodeNotFound, message: "No token matches."},
	"links_intent_choice":              {field: "intent", message: noChoice},
	"links_lifetime_positive":          {field: "token_expiry", message: "Ensure this value is at least one second."},
	"lockdowns_user_fkey":              {field: "user", message: noObject},
	"lockdowns_actor_fkey":             {field: "actor", message: noObject},
	"lockdowns_restored_by_fkey":       {field: "restored_by", message: noObject},
	"restore_acts_lockdown_fkey":       {field: "lockdown", message: noObject},
	"restore_acts_actor_fkey":          {field: "actor", message: noObject},
	"restore_acts_step":                {field: "step", message: noChoice},
	"access_requests_user_fkey":        {field: "user", message: noObject},
	"access_requests_group_fkey":       {field: "group", message: noObject},
	"access_requests_decided_fkey":     {field: "decided_by", message: noObject},
	"access_requests_reason":           {field: "reason", message: blank},
	"access_requests_duration":         {field: "duration", message: "Ensure this value is at least one second."},
	"access_requests_state":            {field: "state", message: noChoice},
	"session_elevations_session_fkey":  {code: idp.CodeNotFound, message: "No session matches."},
	"session_elevations_request_fkey":  {code: idp.CodeNotFound, message: "No access request matches."},
	"lockdowns_idempotency_key":        {code: idp.CodeConflict, message: "A request with this idempotency key is under way or done."},

	"scope_mappings_name_key":             {field: "name", message: notUnique},
	"scope_mappings_managed_key":          {field: "managed", message: notUnique},
	"scope_mappings_scope_form":           {field: "scope_name", message: "A scope has 1 to 255 visible characters, and no spaces, quotation marks or backslashes."},
	"oauth_providers_pk_key":              {field: "pk", message: notUnique},
	"oauth_providers_name_key":            {field: "name", message: notUnique},
	"oauth_providers_authentication_fkey": {field: "authentication_flow", message: noObject},
	"oauth_providers_authorization_fkey":  {message: "A provider needs the authorization flow: give it another one first."},
	"oauth_providers_invalidation_fkey":   {message: "A provider needs the invalidation flow: give it another one first."},
	"oauth_providers_client_id_key":       {field: "client_id", message: notUnique},
	"oauth_providers_client_id_form":      {field: "client_id", message: "A client ID has 1 to 255 visible ASCII characters."},
	"applications_name_blank":             {field: "name", message: blank},
	"applications_slug_key":               {field: "slug", message: notUnique},
	"applications_slug_form":              {field: "slug", message: "Enter a valid “slug” consisting of letters, numbers, underscores or hyphens."},
	"applications_provider_key":           {field: "provider", message: "Another application has this provider."},
	"applications_provider_fkey":          {field: "provider", message: noObject},
	"application_hosts_pkey":              {field: "forward_hosts", message: "Another application has the host “%s”."},
	"application_hosts_application_fkey":  {code: idp.CodeNotFound, message: "No application matches."},
}

// violation answers for a broken constraint.
func violation(pg *pgconn.PgError) error {
	r, ok := rules[pg.ConstraintName]
	switch {
	case ok && r.code != "":
		return &idp.Error{Code: r.code, Message: r.message, Err: pg}
	case ok:
		e := idp.Invalid(r.field, "%s", strings.ReplaceAll(r.message, "%s", missingKey(pg.Detail)))
		e.Err = pg
		return e
	case strings.HasSuffix(pg.ConstraintName, "_pkey"):
		return &idp.Error{Code: idp.CodeConflict, Message: "The object exists already.", Err: pg}
	case pg.ColumnName != "":
		e := idp.Invalid(pg.ColumnName, "This field may not be null.")
		e.Err = pg
		return e
	}
	return &idp.Error{Code: idp.CodeInternal, Message: "The database refused the values.", Err: pg}
}

// missingKey reads the value out of `Key (user_id)=(42) is not present in …`.
func missingKey(detail string) string {
	_, rest, _ := strings.Cut(detail, ")=(")
	value, _, _ := strings.Cut(rest, ")")
	return value
}
