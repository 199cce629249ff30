using System.Collections.Concurrent;
using Holdfast.Http;
using Holdfast.Keys;
using Holdfast.Protocols.Saml;
using Holdfast.Storage;

namespace Holdfast.Sso;

/// <summary>Connections, ready for use: settings opened and certificates parsed once per version of them.</summary>
internal sealed class Connections(Database database, ClusterKeys keys, PublicAddress address)
{
    private const int MostKept = 10_000;

    private readonly ConcurrentDictionary<string, ReadyConnection> _ready = new(StringComparer.Ordinal);

    /// <summary>A connection that was not deleted, whether or not it is active.</summary>
    public ReadyConnection? Find(string id) => database.Read(view => ConnectionStore.Find(view, id)) is { } connection ? Ready(connection) : null;

    public ReadyConnection Ready(Connection connection)
    {
        if (_ready.TryGetValue(connection.Id, out var ready) && ready.Connection.SettingsSealed == connection.SettingsSealed)
        {
            return ready with { Connection = connection };
        }
        if (_ready.Count >= MostKept)
        {
            _ready.Clear();
        }
        var settings = connection.Open(keys);
        var here = new ConnectionAddresses(address.Url, connection.Id);
        return _ready[connection.Id] = new ReadyConnection(connection, settings, here, settings.Saml is { } saml ? here.Trust(saml) : null);
    }
}

/// <param name="Trust">What a SAML connection trusts; null for OpenID Connect.</param>
internal sealed record ReadyConnection(Connection Connection, ConnectionSettings Settings, ConnectionAddresses Here, SamlTrust? Trust)
{
    public ConnectionBody ToBody() => ConnectionBody.Of(Connection, Settings, Here.PublicUrl);
}
