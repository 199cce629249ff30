namespace Holdfast.Sso;

/// <summary>A sign-in as the login explainer tells it. Nothing in it is a name identifier, a value of an attribute, or a secret.</summary>
/// <param name="Outcome"><c>succeeded</c> or <c>refused</c>.</param>
/// <param name="Reason">A stable code; null for a sign-in that succeeded.</param>
/// <param name="Summary">One sentence for the administrator.</param>
/// <param name="Notes">What was let pass and should be known: <c>sha1</c>, <c>certificate_expired</c>, <c>certificate_not_yet_valid</c>, <c>cbc</c>,
/// <c>userinfo_unavailable</c>.</param>
/// <param name="CanReplay">Whether the response is still kept, by this node. Never of a sign-in by OpenID Connect: the provider's code is used up, and no token is kept.</param>
internal sealed record AttemptBody(
    string Object, string Id, string ConnectionId, string Outcome, string? Reason, string? Detail, string Summary, AttemptBody.RemedyBody? Remedy, IReadOnlyList<AttemptBody.StepBody> Steps,
    IReadOnlyList<string> Notes, bool IdpInitiated, string? ProfileId, bool CanReplay, DateTimeOffset CreatedAt)
{
    /// <param name="Product">The identity provider's product.</param>
    /// <param name="Where">Where in it the setting is; null when the remedy is elsewhere.</param>
    internal sealed record RemedyBody(string Product, string? Where, string Text);

    /// <param name="Outcome"><c>passed</c>, <c>failed</c> or <c>not_reached</c>.</param>
    internal sealed record StepBody(string Step, string Outcome, string Checked, string? Expected, string? Received);
}
