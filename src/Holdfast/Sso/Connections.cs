using System.Collections.Concurrent;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.Saml;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>Connections, ready for use: settings opened and certificates parsed once per version of them.</summary>
internal sealed class Connections(Database database, ClusterKeys keys, SpKeys spKeys, PublicAddress address)
{
    private const int MostKept = 10_000;

    private readonly ConcurrentDictionary<string, ReadyConnection> _ready = new(StringComparer.Ordinal);

    /// <summary>A connection that was not deleted, whether or not it is active.</summary>
    public ReadyConnection? Find(string id) => database.Read(view => ConnectionStore.Find(view, id)) is { } connection ? Ready(connection) : null;

    public ReadyConnection Ready(Connection connection)
    {
        var isSaml = ConnectionInput.IsSamlType(connection.ConnectionType);
        var ours = isSaml ? spKeys.Of(connection.EnvironmentId) : SpKeySet.None;
        var isKept = _ready.TryGetValue(connection.Id, out var ready) && ready.Connection.SettingsSealed == connection.SettingsSealed && ready.SpKeys.Version == ours.Version;
        // Of one without a metadata address no row counts: a sign-in by it does not ask for one.
        var read = isSaml && !(isKept && ready!.Settings.Saml?.MetadataUrl is null) ? database.Read(view => MetadataStore.Find(view, connection.Id)) : null;
        if (isKept && (ready!.Settings.Saml?.MetadataUrl is null || ready.MetadataRow == read))
        {
            return ready with { Connection = connection };
        }
        if (_ready.Count >= MostKept)
        {
            _ready.Clear();
        }
        var settings = connection.Open(keys);
        // What was taken at its metadata address stands in the place of what is stored.
        var metadata = settings.Saml is { MetadataUrl: not null } stored ? read?.For(stored) : null;
        if (metadata?.Taken is { } taken && settings.Saml!.MetadataKeys != MetadataKeyRule.Pinned)   // by that rule nobody but an administrator is believed, and his word is in the settings
        {
            settings = settings with { Saml = taken.On(settings.Saml) };
        }
        var here = new ConnectionAddresses(address.Url, connection.Id);
        return _ready[connection.Id] = new ReadyConnection(connection, settings, here, settings.Saml is { } saml ? here.Trust(saml, ours) : null, ours, read, metadata);
    }
}

/// <param name="Settings">As they count: what was taken of metadata is in them.</param>
/// <param name="Trust">What a SAML connection trusts; null for OpenID Connect.</param>
/// <param name="SpKeys">What we sign and decrypt with; none for OpenID Connect.</param>
/// <param name="MetadataRow">What this was made from.</param>
/// <param name="Metadata">What is known from its metadata address; null when it has none, or it was never read.</param>
internal sealed record ReadyConnection(Connection Connection, ConnectionSettings Settings, ConnectionAddresses Here, SamlTrust? Trust, SpKeySet SpKeys, MetadataRow? MetadataRow, MetadataState? Metadata)
{
    /// <summary>What is known of a provider whose accounts are anybody's; null for an organization's own identity provider.</summary>
    public OAuthProvider? Provider { get; } = OAuthProvider.Of(Connection.ConnectionType);

    public ConnectionBody ToBody() => ConnectionBody.Of(Connection, Settings, Here.PublicUrl, Metadata);
}
