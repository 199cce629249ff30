using Holdfast.Http;
using Holdfast.Load;
using Holdfast.Resilience;

namespace Holdfast.Causes;

/// <summary>The finder of causes: its services and what runs it. Start reading at <see cref="Finder"/>.</summary>
internal static class CauseServices
{
    public static void AddCauses(this IServiceCollection services, string data, Func<IReadOnlyList<PeerPlace>> peers, Dependencies dependencies)
    {
        services.AddSingleton<Traffic>().AddSingleton(new CauseRing(data));
        services.AddSingleton(all => new Finder(dependencies, all.GetRequiredService<Traffic>(), peers, all.GetRequiredService<Ids>(), all.GetRequiredService<TimeProvider>())
        {
            OfThisNode = new OwnLoad(all.GetRequiredService<Places>()).Find,
        });
        services.AddSingleton<FindCauses>().AddHostedService(all => all.GetRequiredService<FindCauses>());
    }
}
