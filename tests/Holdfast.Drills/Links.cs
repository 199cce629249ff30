using System.Diagnostics;

namespace Holdfast.Drills;

/// <summary>How a link between two nodes can be cut.</summary>
public enum Cut
{
    /// <summary>What either sends is lost on the way: nobody is told.</summary>
    Hangs,

    /// <summary>Connections are reset and new ones refused.</summary>
    Refuses,

    /// <summary>What the first sends is lost; what the second sends arrives, and its answer is lost.</summary>
    OneWay,
}

/// <summary>Nodes in network namespaces of their own, each joined to each by a cable of its own that nothing else hangs on: nobody outside reaches them. Needs root and iproute2.</summary>
internal sealed class Links : IDisposable
{
    private const string NobodysCard = "02:00:00:00:00:99";

    private static readonly Lazy<string?> Fault = new(FindFault);

    private readonly string _mark = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(3));
    private readonly List<string> _made = [];
    private readonly HashSet<(int From, int To, bool IsLost)> _cuts = [];

    public Links(int nodes)
    {
        try
        {
            for (var node = 1; node <= nodes; node++)
            {
                Ip($"netns add {Namespace(node)}");
                _made.Add(Namespace(node));
                In(node, "link set lo up");
                In(node, $"addr add {Address(node)}/32 dev lo");
            }
            foreach (var (a, b) in from a in Enumerable.Range(1, nodes) from b in Enumerable.Range(1, nodes) where a < b select (a, b))
            {
                Ip($"link add to{b} netns {Namespace(a)} type veth peer name to{a} netns {Namespace(b)}");
                Join(a, b);
                Join(b, a);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Why this machine cannot do this; null when it can.</summary>
    public static string? WhyNot => Fault.Value;

    public static string Address(int node) => $"10.88.0.{node}";

    /// <summary>Where a node's process is to be started.</summary>
    public string Namespace(int node) => $"hf{_mark}-{node}";

    public void Break(int a, int b, Cut how)
    {
        switch (how)
        {
            case Cut.Hangs:
                Lose(a, b);
                Lose(b, a);
                break;
            case Cut.Refuses:
                Refuse(a, b);
                Refuse(b, a);
                break;
            case Cut.OneWay:
                Lose(a, b);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(how));
        }
    }

    /// <summary>All that was cut is whole again.</summary>
    public void Heal()
    {
        foreach (var (from, to, isLost) in _cuts)
        {
            In(from, isLost ? $"neigh del {Address(to)} dev to{to}" : $"route del table local local {Address(to)}/32 dev lo");
        }
        _cuts.Clear();
    }

    public void Dispose()
    {
        foreach (var made in _made)
        {
            Run($"netns del {made}");
        }
    }

    private void Join(int from, int to)
    {
        In(from, $"link set to{to} up");
        In(from, $"route add {Address(to)}/32 dev to{to} src {Address(from)}");
    }

    /// <summary>Its frames go to a card that is not there.</summary>
    private void Lose(int from, int to)
    {
        In(from, $"neigh replace {Address(to)} lladdr {NobodysCard} nud permanent dev to{to}");
        _cuts.Add((from, to, true));
    }

    /// <summary>It takes the other's address for its own, where nobody listens.</summary>
    private void Refuse(int from, int to)
    {
        In(from, $"route add table local local {Address(to)}/32 dev lo");
        _cuts.Add((from, to, false));
    }

    private void In(int node, string command) => Ip($"-n {Namespace(node)} {command}");

    private static void Ip(string command)
    {
        if (Run(command) is { } fault)
        {
            throw new InvalidOperationException($"ip {command}: {fault}");
        }
    }

    private static string? Run(string command)
    {
        using var ip = Process.Start(new ProcessStartInfo("ip", command) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var said = ip.StandardError.ReadToEnd();
        ip.WaitForExit();
        return ip.ExitCode == 0 ? null : $"{ip.ExitCode} {said}";
    }

    private static string? FindFault()
    {
        try
        {
            using var tried = new Links(2);
            return null;
        }
        catch (Exception fault) when (fault is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return $"Network namespaces cannot be made here: {fault.Message}";
        }
    }
}
