using System.Runtime.InteropServices;

namespace Holdfast.Load;

/// <summary>The bytes of all bodies that this node holds: they are read before there is a place, so no number of places bounds them.</summary>
/// <remarks>What has come is counted, and not what is announced: who announces much and sends nothing takes nothing from others.</remarks>
internal sealed class Bodies(LoadOptions options)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, long> _ofTenant = new(StringComparer.Ordinal);
    private long _held;

    /// <summary>How much is held now.</summary>
    public long Held
    {
        get
        {
            lock (_gate)
            {
                return _held;
            }
        }
    }

    /// <summary>Whether so much more may come, as it looks now.</summary>
    public bool HasRoomFor(Visit visit, long bytes)
    {
        lock (_gate)
        {
            return Fits(visit, bytes);
        }
    }

    /// <summary>So much more has come.</summary>
    /// <returns>False when it is too much, and nothing was counted.</returns>
    public bool TryTake(Visit visit, long bytes)
    {
        lock (_gate)
        {
            if (!Fits(visit, bytes))
            {
                return false;
            }
            _held += bytes;
            CollectionsMarshal.GetValueRefOrAddDefault(_ofTenant, visit.Tenant, out _) += bytes;
            return true;
        }
    }

    public void GiveBack(Visit visit, long bytes)
    {
        lock (_gate)
        {
            _held -= bytes;
            if ((CollectionsMarshal.GetValueRefOrAddDefault(_ofTenant, visit.Tenant, out _) -= bytes) <= 0)
            {
                _ofTenant.Remove(visit.Tenant);
            }
        }
    }

    /// <summary>Denies have an eighth more: what fills the rest does not hold them up.</summary>
    private bool Fits(Visit visit, long bytes) =>
        _held + bytes <= options.MostBodies + (visit.IsDeny ? options.MostBodies / 8 : 0) && _ofTenant.GetValueOrDefault(visit.Tenant) + bytes <= options.MostBodies / 2;
}
