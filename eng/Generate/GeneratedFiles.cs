using KlosetOperator.Api;

namespace Generate;

/// <param name="Path">Relative to the root of the repository.</param>
/// <param name="Content">The whole text.</param>
public sealed record GeneratedFile(string Path, string Content);

/// <summary>Everything that is generated from the types.</summary>
public static class GeneratedFiles
{
    public static IReadOnlyList<Type> Kinds { get; } = [typeof(KlosetRepository), typeof(PhotoBackup), typeof(PhotoRestore)];

    public static IEnumerable<GeneratedFile> All()
    {
        var docs = XmlDocs.Of(typeof(KlosetRepository).Assembly);
        foreach (var kind in Kinds)
        {
            var crd = CustomResourceDefinition.Build(kind, docs);
            var text = Yaml.Header + Yaml.Write(crd);
            var name = CustomResourceDefinition.FileName(kind);
            yield return new($"config/crd/{name}", text);
            yield return new($"charts/kloset-operator/files/crds/{name}", text);
        }

        yield return new("config/crd/kustomization.yaml", Yaml.Header + Yaml.Write(new Dictionary<string, object>
        {
            ["apiVersion"] = "kustomize.config.k8s.io/v1beta1",
            ["kind"] = "Kustomization",
            ["resources"] = Kinds.Select(CustomResourceDefinition.FileName).Order(StringComparer.Ordinal).ToList<object>(),
        }));
        foreach (var file in Rbac.Files())
        {
            yield return file;
        }

        yield return new("docs/reference/commands.md", CommandPage.Build());
        yield return new("docs/reference/exit-codes.md", ExitCodePage.Build());
        yield return new("docs/reference/reasons.md", ReasonPage.Build(docs));
        yield return new(
            "charts/kloset-operator/README.md",
            ChartReadme.Build(File.ReadAllText(Path.Combine(RepositoryRoot.Find(AppContext.BaseDirectory), "charts", "kloset-operator", "values.yaml"))));
        yield return new("docs/reference/api.md", ReferencePage.Build(Kinds, docs));
    }
}
