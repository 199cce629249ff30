using Holdfast.Storage.Rows;
using static Holdfast.Storage.Rows.MergeRule;

namespace Holdfast.Storage;

/// <summary>Every table that is merged and replicated. The SQL that makes them is in <c>Migrations/</c>; a test compares the two.</summary>
/// <remarks>Times are Unix milliseconds (UTC). Columns whose text is sealed end in <c>_sealed</c>.</remarks>
public static class Schema
{
    public static readonly Table Environments = new("environments",
        [new("made", First, "name", "client_id", "id_key_sealed", "created_at")]);

    /// <summary>Lives of nodes: a row per incarnation. What a life is, it is for good; of whom two things are said, that life is over (decision 0007).</summary>
    public static readonly Table Nodes = new("nodes",
        [new("made", Same, "name", "region", "zone", "born_at"), new("key", Same, "public_key")], FromNodes: true);

    /// <summary>The names of the cluster's nodes: who decides about what nobody issued (law 5).</summary>
    public static readonly Table NodeList = new("node_list",
        [new("list", Later, "number", "names_before", "names")]);

    /// <summary>API keys, by the SHA-256 of their value (hex).</summary>
    public static readonly Table ApiKeys = new("api_keys",
        [new("made", First, "environment_id", "name", "hash", "obfuscated_value", "created_at")]);

    /// <summary>Keys that sign tokens. One that was never activated is published and unused: switching to it is possible at any time.</summary>
    public static readonly Table SigningKeys = new("signing_keys",
        [new("made", First, "environment_id", "private_key_sealed", "public_jwk", "created_at"), new("use", Later, "activated_at")]);

    public static readonly Table RedirectUris = new("redirect_uris",
        [new("made", First, "environment_id", "uri", "created_at"), new("presence", Later, "present", "is_default"), new("touched", Greatest, "updated_at")]);

    public static readonly Table Organizations = new("organizations",
        [
            new("made", First, "environment_id", "created_at"), new("named", Later, "name"),
            new("outside", Later, "allow_profiles_outside_organization"), new("meta", Later, "metadata"),
            new("external", Later, "external_id"), new("billing", Later, "stripe_customer_id"), new("touched", Greatest, "updated_at"),
        ]);

    /// <summary>Domains of organizations. <c>state</c> is <c>pending</c>, <c>verified</c>, <c>failed</c> or <c>legacy_verified</c>; whether a verified one counts, its claim says.
    /// <c>pending_since</c> is since when its proof is looked for in DNS.</summary>
    public static readonly Table OrganizationDomains = new("organization_domains",
        [
            new("made", First, "environment_id", "organization_id", "domain", "created_at"), new("status", Later, "state", "verification_strategy"),
            new("presence", Later, "present"), new("touched", Greatest, "updated_at"), new("proof", Later, "verification_prefix", "verification_token", "pending_since"),
        ]);

    /// <summary>Who a unique value belongs to: id is HMAC(id key of the environment, kind and value).</summary>
    public static readonly Table Claims = new("claims",
        [new("claim", Claim, "holder", "term", "verified"), new("made", First, "environment_id", "kind", "value")], FromNodes: true)
    {
        Kinds = new("kind", "claim", Any: ["user.email", "user.sso_profile", "invitation"], Ending: ["organization.domain"]),
    };

    public static readonly Table Connections = new("connections",
        [
            new("made", First, "environment_id", "organization_id", "connection_type", "created_at"), new("named", Later, "name"),
            new("setup", Later, "settings_sealed"), new("places", Later, "domains"), new("status", Later, "state"), new("touched", Greatest, "updated_at"),
        ]);

    /// <summary>What an OpenID provider last said of itself, by connection. Kept until it says something else (law 6);
    /// <c>read_at</c> is when it first said this.</summary>
    public static readonly Table ProviderDocuments = new("provider_documents",
        [new("document", Later, "environment_id", "source", "metadata", "keys", "read_at")], FromNodes: true);

    public static readonly Table Profiles = new("profiles",
        [
            new("made", First, "environment_id", "connection_id", "organization_id", "connection_type", "idp_id", "created_at"),
            new("attributes", Later, "email", "first_name", "last_name", "groups", "raw_attributes"), new("touched", Greatest, "updated_at"),
        ], FromNodes: true);

    /// <summary>Authorization codes, by the hash of the code: of Single Sign-On with a connection and a profile, of hosted pages with a person.</summary>
    public static readonly Table SsoCodes = new("sso_codes",
        [
            new("made", First, "environment_id", "authority", "client_id", "connection_id", "profile_id", "redirect_uri", "code_challenge", "created_at",
                "expires_at"),
            new("person", First, "user_id", "credential_id", "organization_id", "method"), new("beside", First, "factor_id"),
        ], Expires: true, FromNodes: true);

    /// <summary>Single-use items that were used: codes, flows, assertions. <c>request</c> is the idempotent request that did it, <c>session_id</c> the session
    /// that a code began.</summary>
    public static readonly Table Spends = new("spends",
        [new("made", First, "environment_id", "kind", "request", "created_at", "expires_at"), new("began", First, "session_id")], Expires: true, FromNodes: true);

    /// <summary>Denies, each with an id of its own; <c>subject</c> is the id of what is denied (law 4).</summary>
    public static readonly Table Denies = new("denies",
        [new("made", First, "environment_id", "subject", "reason", "created_at")], JournalShare.Deny, FromNodes: true, NeedsCopy: true);

    /// <summary>Denies that were lifted, each by its id.</summary>
    public static readonly Table Lifts = new("lifts",
        [new("made", First, "environment_id", "deny_id", "created_at")]);

    public static readonly Table Events = new("events",
        [
            new("made", First, "environment_id", "event", "data", "created_at"), new("about", First, "organization_id"), new("context", First, "context"),
        ], FromNodes: true);

    /// <summary>Answers of requests that carried an <c>Idempotency-Key</c>.</summary>
    public static readonly Table IdempotencyKeys = new("idempotency_keys",
        [new("made", First, "environment_id", "status", "body_sealed", "created_at", "expires_at")], Expires: true);

    /// <summary>People. <c>email</c> is the last one known; whose an address is, its claim says. <c>verified_email</c> is the address whose mailbox is proven.</summary>
    public static readonly Table Users = new("users",
        [
            new("made", First, "environment_id", "created_at"), new("address", Later, "email"), new("named", Later, "first_name", "last_name"),
            new("touched", Greatest, "updated_at"), new("whole", Later, "name"), new("proven", Later, "verified_email"), new("external", Later, "external_id") { FromNodes = false },
            new("meta", Later, "metadata") { FromNodes = false }, new("tongue", Later, "locale"), new("seen", Greatest, "last_sign_in_at"),
        ], FromNodes: true);

    /// <summary>Users in organizations. <c>role_slugs</c> is a JSON array; null for the role that everybody begins with.</summary>
    public static readonly Table Memberships = new("memberships",
        [
            new("made", First, "environment_id", "user_id", "organization_id", "created_at"), new("presence", Later, "present"), new("role", Later, "role_slugs"),
            new("touched", Greatest, "updated_at"),
        ], FromNodes: true);

    /// <summary>Sign-ups that have proven nothing yet. They touch no user.</summary>
    public static readonly Table PendingSignUps = new("pending_sign_ups",
        [new("made", First, "environment_id", "email", "password_hash", "first_name", "last_name", "created_at", "expires_at")], Expires: true, FromNodes: true);

    /// <summary>Single-use items that travel by mail. <c>authority</c> is the one incarnation that redeems it (law 5).</summary>
    public static readonly Table PendingItems = new("pending_items",
        [new("made", First, "environment_id", "kind", "authority", "subject", "secret_hash", "data", "created_at", "expires_at")], Expires: true, FromNodes: true);

    /// <summary>What proves a user. <c>proof</c> is <c>mailbox</c>, <c>credential</c>, <c>administrator</c> or <c>unproven</c>; <c>replaces</c> a JSON array of ids.</summary>
    public static readonly Table Credentials = new("credentials",
        [new("made", First, "environment_id", "user_id", "kind", "secret", "proof", "proven_by", "replaces", "created_at")], FromNodes: true, NeedsCopy: true);

    /// <summary>Second factors (<c>totp</c>, <c>generic_otp</c>), passkeys (<c>webauthn</c>) and sets of recovery codes (<c>recovery_codes</c>): credentials like those above.
    /// <c>details</c> is JSON of the type; <c>replaces</c> a JSON array of ids; <c>sign_count</c> the highest that a passkey has shown. One that was taken away has a deny.
    /// <c>proven_by</c> is the password that its owner had shown when they enrolled it; null for none.</summary>
    public static readonly Table Factors = new("factors",
        [
            new("made", First, "environment_id", "user_id", "type", "secret_sealed", "details", "proof", "proven_by", "replaces", "created_at"),
            new("used", Greatest, "sign_count", "used_at"),
        ], FromNodes: true, NeedsCopy: true);

    /// <summary>What is asked of people who sign in, by environment or organization. <c>mfa</c> is <c>required</c>, <c>optional</c> or <c>off</c>.</summary>
    public static readonly Table SignInPolicies = new("sign_in_policies",
        [new("made", First, "environment_id"), new("mfa", Later, "mfa", "mfa_after_sso"), new("touched", Greatest, "updated_at")]);

    /// <summary>Sessions, each under the stamp of its birth wherever it is written. <c>birth</c> is an incarnation, <c>birth_position</c> a place in its journal.
    /// <c>client</c> is where it was begun from, and <c>impersonator</c> (JSON) who acts as the user; a node that has the session from a token alone does not know it.
    /// <c>factor_id</c> is the second factor, or the passkey, that was shown.</summary>
    public static readonly Table Sessions = new("sessions",
        [
            new("made", First, "environment_id", "user_id", "organization_id", "method", "credential_id", "birth", "birth_position", "key_id", "created_at",
                "expires_at"),
            new("beside", First, "factor_id"),
            new("client", First, "ip_address", "user_agent", "impersonator"),
        ], Expires: true, FromNodes: true);

    /// <summary>Generations of refresh tokens that were spent, one row a node: two that were made apart must both be seen.</summary>
    public static readonly Table SessionSpends = new("session_spends",
        [new("made", First, "environment_id", "session_id", "generation", "node", "created_at", "expires_at")], Expires: true, FromNodes: true);

    /// <summary>Our keys towards identity providers, by SAML: <c>purpose</c> is <c>signing</c> or <c>encryption</c>, <c>certificate</c> DER in base64. A signing key that was
    /// never activated is published and unused.</summary>
    public static readonly Table SamlKeys = new("saml_keys",
        [new("made", First, "environment_id", "purpose", "private_key_sealed", "certificate", "created_at"), new("use", Later, "activated_at")]);

    /// <summary>What an identity provider calls a session, by the id of the code that the sign-in ended with.</summary>
    public static readonly Table SamlSessions = new("saml_sessions",
        [new("made", First, "environment_id", "connection_id", "profile_id", "name_hash", "session_sealed", "created_at", "expires_at")], Expires: true, FromNodes: true);

    /// <summary>Sign-ins that succeeded. <c>said</c> is what the identity provider said, as JSON, without what it said of the person.</summary>
    public static readonly Table SsoAttempts = new("sso_attempts",
        [new("made", First, "environment_id", "connection_id", "profile_id", "said", "created_at", "expires_at")], Expires: true, FromNodes: true);

    /// <summary>What was read at the metadata address of a SAML connection, by connection: the last that was taken, what waits for an administrator (null when nothing
    /// does), and how reading fails (null when it does not). A <c>source</c> says for which settings.</summary>
    public static readonly Table SamlMetadata = new("saml_metadata",
        [
            new("taken", Later, "environment_id", "source", "document", "taken_at"),
            new("pending", Later, "pending_source", "pending_document", "pending_why", "pending_since"),
            new("reading", Later, "reading_source", "fault", "fault_since"),
        ], FromNodes: true);

    /// <summary>Invitations. Who accepted one, a claim says; <c>mail_wanted_at</c> is since when a mail of it is to be sent.</summary>
    public static readonly Table Invitations = new("invitations",
        [
            new("made", First, "environment_id", "email", "organization_id", "role_slug", "inviter_user_id", "token_hash", "token_sealed", "created_at", "expires_at")
            { FromNodes = false },
            new("acceptance", Least, "accepted_at"), new("mail", Greatest, "mail_wanted_at", "locale") { FromNodes = false }, new("touched", Greatest, "updated_at"),
        ], FromNodes: true);

    /// <summary>Web origins whose browsers may call the token endpoint.</summary>
    public static readonly Table CorsOrigins = new("cors_origins", [new("made", First, "environment_id", "origin", "created_at")]);

    /// <summary>Names under which an environment is served. <c>state</c> is <c>pending</c>, <c>verified</c> or <c>failed</c> (null, of an elder release, is pending); whose a verified one is, its claim says, which
    /// is the cluster's. <c>pending_since</c> is since when its proof is looked for in DNS.</summary>
    public static readonly Table CustomDomains = new("custom_domains",
        [new("made", First, "environment_id", "domain", "created_at"), new("status", Later, "state", "pending_since"), new("touched", Greatest, "updated_at")]);

    /// <summary>What an environment adds to its access tokens; the id is the environment's.</summary>
    public static readonly Table JwtTemplates = new("jwt_templates",
        [new("made", First, "environment_id", "created_at"), new("content", Later, "content", "updated_at")]);

    /// <summary>Times of sign-ins, by the id of an environment or an organization, in seconds; null where the wider one decides. <c>cookie_domain</c> is an environment's.</summary>
    public static readonly Table SignInSettings = new("sign_in_settings",
        [
            new("made", First, "environment_id"), new("age", Later, "max_staleness"), new("token", Later, "access_token_lifetime"), new("session", Later, "session_lifetime"),
            new("cookie", Later, "cookie_domain"),
        ]);

    /// <summary>What somebody answered to a device that asked to be signed in, by the id of its request. Without a user: no.</summary>
    public static readonly Table DeviceAnswers = new("device_answers",
        [new("made", First, "environment_id", "user_id", "organization_id", "credential_id", "factor_id", "method", "created_at", "expires_at")], Expires: true, FromNodes: true);

    /// <summary>Which nodes have a signing key, by their names: a key that one does not have yet is not switched to.</summary>
    public static readonly Table SigningKeyCopies = new("signing_key_copies",
        [new("made", First, "environment_id", "key_id", "node", "created_at")], FromNodes: true);

    /// <summary>Addresses that are asked before somebody is signed in or signed up. <c>type</c> is <c>authentication</c> or <c>user_registration</c>, <c>status</c>
    /// <c>enabled</c> or <c>disabled</c>, <c>when_unreachable</c> <c>deny</c> or <c>allow</c>.</summary>
    public static readonly Table ActionEndpoints = new("action_endpoints",
        [
            new("made", First, "environment_id", "type", "secret_sealed", "created_at"), new("place", Later, "endpoint_url"), new("policy", Later, "status", "when_unreachable"),
            new("touched", Greatest, "updated_at"),
        ]);

    /// <summary>How hosted pages look, by the id of the environment or organization. <c>logo</c> is an image in base64.</summary>
    public static readonly Table Branding = new("branding",
        [
            new("made", First, "environment_id", "created_at"), new("named", Later, "name"), new("image", Later, "logo", "logo_type"), new("color", Later, "accent"),
            new("touched", Greatest, "updated_at"),
        ]);

    /// <summary>Mail that is wanted. <c>authority</c> is the incarnation that wanted it and sends it; <c>about</c> the id of what it speaks of; after <c>send_before</c> it is of no
    /// use. <c>outcome</c> is <c>sent</c>, <c>refused</c> or <c>given_up</c>; null while it waits (decision 0017).</summary>
    public static readonly Table Mails = new("mails",
        [
            new("made", First, "environment_id", "authority", "kind", "recipient", "locale", "about", "values_sealed", "created_at", "send_before", "expires_at"),
            new("end", Least, "ended_at", "outcome"),
        ], Expires: true, FromNodes: true);

    /// <summary>What an environment wants of its mail. <c>switches</c> is a JSON object of kinds and whether each is sent, of those that were said.</summary>
    public static readonly Table MailSettings = new("mail_settings",
        [new("said", Later, "environment_id", "sender_name", "switches")]);

    /// <summary>Feature flags. Whose a slug is, its claim says; <c>tags</c> is a JSON array, <c>owner</c> a JSON object or null.</summary>
    public static readonly Table Flags = new("flags",
        [
            new("made", First, "environment_id", "slug", "created_at"), new("named", Later, "name"), new("described", Later, "description"), new("tagged", Later, "tags"),
            new("owned", Later, "owner"), new("switch", Later, "enabled"), new("otherwise", Later, "default_value"), new("touched", Greatest, "updated_at"),
        ]);

    /// <summary>For whom a flag is on: <c>kind</c> is <c>user</c>, <c>organization</c>, or one of the application's own.</summary>
    public static readonly Table FlagTargets = new("flag_targets",
        [new("made", First, "environment_id", "flag_id", "kind", "resource_id", "created_at"), new("presence", Later, "present", "enabled")]);

    /// <summary>What broke, as one node found it (decision 0026). <c>products</c> and <c>impact</c> are JSON; <c>closed_at</c> is null while it is so.</summary>
    public static readonly Table Incidents = new("incidents",
        [
            new("made", First, "node", "region", "opened_at", "expires_at"), new("cause", Later, "dependency", "how", "since", "says", "products"),
            new("ending", Later, "closed_at"), new("impact", Later, "impact"),
        ], Expires: true, FromNodes: true);

    /// <summary>What is told of an incident: <c>kind</c> is <c>named</c>, <c>known_better</c>, <c>again</c>, <c>closed</c> or <c>note</c>, which a person wrote.</summary>
    public static readonly Table IncidentEntries = new("incident_entries",
        [new("made", First, "incident_id", "kind", "node", "author", "says", "created_at", "expires_at")], Expires: true, FromNodes: true);

    /// <summary>What an operator ordered at run time (decision 0029). <c>kind</c> is <c>dependency</c>, <c>flags</c>, <c>drain</c> or <c>log</c>; <c>scope</c> is <c>all</c>, <c>region</c> or
    /// <c>node</c>, and <c>place</c> the name of one. In force until <c>ends_at</c>, unless an order of the same thing came later or this one was lifted.</summary>
    public static readonly Table Orders = new("orders",
        [new("made", First, "kind", "target", "setting", "scope", "place", "author", "reason", "created_at", "ends_at", "expires_at")], JournalShare.Deny, Expires: true, FromNodes: true);

    /// <summary>Orders that were lifted, each by its id.</summary>
    public static readonly Table OrderLifts = new("order_lifts",
        [new("made", First, "order_id", "author", "reason", "created_at", "expires_at")], JournalShare.Deny, Expires: true, FromNodes: true);

    /// <summary>Lives of nodes that were stolen: what one said at or after <c>since</c> does not count (decision 0034). One quarantine has a row for each life of its node, under one <c>quarantine_id</c>.</summary>
    public static readonly Table Quarantines = new("quarantines",
        [new("made", First, "quarantine_id", "node", "life", "since", "author", "reason", "created_at")], JournalShare.Deny, FromNodes: true, NeedsCopy: true);

    /// <summary>Quarantines that were taken back: what was said counts after all.</summary>
    public static readonly Table QuarantineLifts = new("quarantine_lifts",
        [new("made", First, "quarantine_id", "author", "reason", "created_at")], JournalShare.Deny, FromNodes: true);

    /// <summary>What else a node in quarantine said, each version by itself: under stamps that do not show that it was it, or when.</summary>
    public static readonly Table QuarantineVoids = new("quarantine_voids",
        [new("made", First, "quarantine_id", "table_name", "row_id", "group_name", "stamp", "created_at")], JournalShare.Deny, FromNodes: true);

    /// <summary>All of them, in the order that the digest takes.</summary>
    public static IReadOnlyList<Table> Tables { get; } =
    [
        Environments, Nodes, NodeList, ApiKeys, SigningKeys, RedirectUris, Organizations, OrganizationDomains, Claims, Connections, ProviderDocuments, Profiles,
        SsoCodes, Spends, Denies, Lifts, Events, IdempotencyKeys, Users, Memberships, PendingSignUps, PendingItems, Credentials, Sessions, SessionSpends,
        SamlKeys, SamlSessions, SsoAttempts, SamlMetadata, Invitations, Branding, Mails, MailSettings, Factors, SignInPolicies,
        CorsOrigins, JwtTemplates, SignInSettings, DeviceAnswers, SigningKeyCopies, ActionEndpoints,
        Flags, FlagTargets,
        Incidents, IncidentEntries,
        Orders, OrderLifts,
        Quarantines, QuarantineLifts, QuarantineVoids,
        CustomDomains,
    ];

    /// <summary>The same by name.</summary>
    public static IReadOnlyDictionary<string, Table> ByName { get; } = Tables.ToDictionary(t => t.Name, StringComparer.Ordinal);
}
