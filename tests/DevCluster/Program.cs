using System.Globalization;
using DevCluster;

const string Usage = """
    DevCluster: a Kubernetes API server with a Job runner in one process, for kubectl and for the operator.

      --port N             port on 127.0.0.1 (default: a free one)
      --kubeconfig FILE    where to write the kubeconfig (default: ./devcluster.kubeconfig)
      --image NAME=PATH    runs containers of image NAME as the program PATH; may be repeated
      --data DIR           keeps pods and claims below DIR (default: a temporary folder)
      --apply PATH         applies a YAML file, or all of a folder; may be repeated
      --clear              http without a token instead of TLS
    """;

var options = new ClusterOptions();
var images = new Dictionary<string, string>(StringComparer.Ordinal);
var kubeconfig = "devcluster.kubeconfig";
var manifests = new List<string>();
try
{
    for (var i = 0; i < args.Length; i++)
    {
        string Value() => i + 1 < args.Length ? args[++i] : throw new FormatException($"{args[i]} needs a value");
        switch (args[i])
        {
            case "--port":
                options = options with { Port = int.Parse(Value(), NumberStyles.None, CultureInfo.InvariantCulture) };
                break;
            case "--kubeconfig":
                kubeconfig = Value();
                break;
            case "--data":
                options = options with { DataDirectory = Path.GetFullPath(Value()) };
                break;
            case "--image":
                var parts = Value().Split('=', 2);
                images[parts[0]] = parts.Length == 2 ? Path.GetFullPath(parts[1]) : throw new FormatException("--image needs NAME=PATH");
                break;
            case "--apply":
                manifests.Add(Value());
                break;
            case "--clear":
                options = options with { Tls = false };
                break;
            case "--help" or "-h":
                Console.WriteLine(Usage);
                return 0;
            default:
                throw new FormatException($"unknown option {args[i]}");
        }
    }
}
catch (FormatException e)
{
    Console.Error.WriteLine($"{e.Message}\n\n{Usage}");
    return 2;
}

await using var cluster = await Cluster.StartAsync(options with { Images = images });
await cluster.WriteKubeconfigAsync(kubeconfig);
foreach (var manifest in manifests)
{
    await cluster.ApplyAsync(manifest);
}

Console.WriteLine($"API server: {cluster.Address}");
Console.WriteLine($"export KUBECONFIG={Path.GetFullPath(kubeconfig)}");
await cluster.WaitForShutdownAsync();
return 0;
