using Holdfast.Events;
using Holdfast.Http;
using Holdfast.Storage.Rows;

namespace Holdfast.Sso;

/// <summary>What events tell of connections, in the shapes that the public API describes: without how a connection speaks with its identity provider.</summary>
internal static class ConnectionEvents
{
    /// <param name="derivedFrom">The change that it tells of.</param>
    public static Change Activated(ConnectionBody connection, string environmentId, byte[] idKey, string derivedFrom, DateTimeOffset now) =>
        EventRow.Of("connection.activated", Switched.Of(connection), environmentId, idKey, derivedFrom, now);

    /// <inheritdoc cref="Activated"/>
    public static Change Deactivated(ConnectionBody connection, string environmentId, byte[] idKey, string derivedFrom, DateTimeOffset now) =>
        EventRow.Of("connection.deactivated", Switched.Of(connection), environmentId, idKey, derivedFrom, now);

    public static Change Deleted(ConnectionBody connection, string environmentId, byte[] idKey, DateTimeOffset now) => EventRow.Of(
        "connection.deleted",
        new Gone(connection.Object, connection.Id, connection.State, connection.Name, connection.ConnectionType, connection.OrganizationId, connection.CreatedAt, connection.UpdatedAt),
        environmentId, idKey, connection.Id, now);

    /// <summary>The connection trusts certificates that last longer than those before; null when it does not.</summary>
    public static Change? Renewed(Connection connection, SamlSettings? before, SamlSettings? after, byte[] idKey, DateTimeOffset now) =>
        (before?.TrustedUntil, after?.TrustedUntil) is ({ } had, { } has) && has > had
            ? EventRow.Of("connection.saml_certificate_renewed", new CertificateRenewed(new(connection.Id, connection.OrganizationId), new(Signing, has), now),
                connection.EnvironmentId, idKey, $"{connection.Id}/{has.ToUnixTimeSeconds()}", now)
            : null;

    /// <summary>The last of the connection's certificates expires soon, or has. Sign-in goes on with it (decision 0005).</summary>
    /// <param name="mark">Of the days for which it is told, once each.</param>
    public static Change RenewalRequired(Connection connection, DateTimeOffset trustedUntil, int mark, byte[] idKey, DateTimeOffset now) => EventRow.Of(
        "connection.saml_certificate_renewal_required",
        new CertificateExpires(new(connection.Id, connection.OrganizationId), new(Signing, trustedUntil, trustedUntil <= now), (int)Math.Floor((trustedUntil - now).TotalDays)),
        connection.EnvironmentId, idKey, $"{connection.Id}/{trustedUntil.ToUnixTimeSeconds()}/{mark}", now);

    private const string Signing = "ResponseSigning";

    internal sealed record Switched(
        string Object, string Id, string State, string Name, string ConnectionType, string? OrganizationId, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, string ExternalKey,
        string Status, IReadOnlyList<ConnectionBody.DomainBody> Domains)
    {
        public static Switched Of(ConnectionBody c) => new(
            c.Object, c.Id, c.State, c.Name, c.ConnectionType, c.OrganizationId, c.CreatedAt, c.UpdatedAt, Ids.Derived(Ids.ExternalKey, [], c.Id), c.Status, c.Domains);
    }

    internal sealed record Gone(
        string Object, string Id, string State, string Name, string ConnectionType, string? OrganizationId, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

    internal sealed record Named(string Id, string? OrganizationId);

    internal sealed record NewCertificate(string CertificateType, DateTimeOffset ExpiryDate);

    internal sealed record OldCertificate(string CertificateType, DateTimeOffset ExpiryDate, bool IsExpired);

    internal sealed record CertificateRenewed(Named Connection, NewCertificate Certificate, DateTimeOffset RenewedAt);

    internal sealed record CertificateExpires(Named Connection, OldCertificate Certificate, int DaysUntilExpiry);
}
