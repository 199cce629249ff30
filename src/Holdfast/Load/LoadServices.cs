namespace Holdfast.Load;

/// <summary>What keeps a node from taking more than it can do: its services, and where it stands. Start reading at <see cref="LoadGate"/>.</summary>
internal static class LoadServices
{
    public static void AddLoad(this IServiceCollection services, LoadOptions options) =>
        services.AddSingleton(options).AddSingleton<Places>().AddSingleton<Bodies>().AddSingleton<LoadGate>();

    /// <summary>Below the floor, which knows the caller by then and turns what is thrown into an answer.</summary>
    public static void UseLoad(this WebApplication app)
    {
        var gate = app.Services.GetRequiredService<LoadGate>();
        app.Use((http, next) => gate.HandleAsync(http, next));
    }
}
